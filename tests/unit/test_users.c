/* `users`: names, hashes, records, and what the compiler says. */
#include "rules_double.h"
#include "unit.h"
#include <fcntl.h>
#include "users/users.h"

#define YES "$y$j9T$salt$3xDHNn13C3uTO1Bm3lXW1O7VUCbOvyko/3fD69Xnz/B"
#define BC "$2b$12$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm"
#define D86 "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
#define SHA "$6$salt$" D86
#define HEX "cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56"
#define CRAM "{CRAM-MD5}" HEX
#define KEYS "R4OXEKpn2mVbsXXPuYmtZnw+avSGNtwcvdjfuHPGKIQ=:fgM7oBl62/Od42yBQ+v3bqmJJPRDikeRyBQPrD2603k="
#define SCRAM "{SCRAM-SHA-256}4096:/cnK6IHnMFr83XYtEaSqag==:" KEYS
#define SECRET "0123456789abcdef0123456789abcdef"

static void names(void **state)
{
  static struct name_case { char const *in, *out; } const cases[] = {
    { "joe", "joe" }, { "Joe.User+x@Example.COM", "joe.user+x@example.com" }, { "_x-=~", "_x-=~" },
    { "7", "7" }, { "gr\xc3\xbcn", "gr\xc3\xbcn" }, { "", 0 }, { ".joe", 0 }, { "-joe", 0 }, { "@x", 0 }, { "a/b", 0 },
    { "../x", 0 }, { "a%b", 0 }, { "a b", 0 }, { "a\tb", 0 }, { "a\rb", 0 }, { "a\nb", 0 }, { "a\\b", 0 }, { "a,b", 0 },
    { "a:b", 0 }, { "a\"b", 0 }, { "a'b", 0 }, { "a$b", 0 }, { "a\x7f", 0 }, { "gr\xfcn", 0 }, { "a;b", 0 },
    { "a`b", 0 },
  }, *c;
  char out[USERS_NAME + 1], long_name[USERS_NAME + 1];
  EACH_CASE(c, cases) {
    size_t n = users_name(out, c->in, strlen(c->in));
    CHECK(n == (c->out ? strlen(c->out) : 0), "%s", c->in);
    if (n) CHECK(!strcmp(out, c->out), "%s", c->in);
  }
  assert_int_equal(users_name(out, "jo\0e", 4), 0);
  memset(long_name, 'x', sizeof long_name);
  assert_int_equal(users_name(out, long_name, USERS_NAME), USERS_NAME);
  assert_int_equal(users_name(out, long_name, USERS_NAME + 1), 0);
}

static void hashes(void **state)
{
  static struct hash_case { char const *in, *why; } const cases[] = {
    { YES, 0 }, { BC, 0 }, { SHA, 0 }, { CRAM, 0 }, { SCRAM, 0 }, { "-", 0 }, { "{EXTERNAL}", 0 },
    { YES ",{EXTERNAL}," CRAM, 0 }, { "{EXTERNAL},{EXTERNAL}", "{EXTERNAL} twice" }, { "{EXTERNAL}x", "no hash" },
    { "{EXTERNAL", "no hash" }, { "-,{EXTERNAL}", "no hash" }, { CRAM "," YES "," SCRAM, 0 },
    { "$6$rounds=10000$salt$" D86, 0 }, { "$2a$04" "$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm", 0 },
    { "$1$salt$0123456789012345678901", "a weak hash" }, { "$md5$x", "a weak hash" }, { "$3$$x", "a weak hash" },
    { "$sha1$x", "a weak hash" }, { "ab0123456789.", "no hash" }, { "_J9..rasmBYk8r9AiWNc", "no hash" },
    { "secret", "no hash" }, { "{PLAIN}secret", "no hash" }, { "$5$salt$x", "no hash" }, { "$7$x", "no hash" },
    { "*", "no hash" }, { "!", "no hash" }, { "x", "no hash" }, { "*0", "no hash" }, { "$2", "no hash" },
    { "$", "no hash" },
    { YES "x", "a malformed hash of y" }, { "$y$j9T$salt$", "a malformed hash of y" },
    { "$y$", "a malformed hash of y" },
    { "$y$j9T$$3xDHNn13C3uTO1Bm3lXW1O7VUCbOvyko/3fD69Xnz/B", "a malformed hash of y" },
    { "$2b$12$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCf", "a malformed hash of b" },
    { "$2x$12$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm", "a malformed hash of b" },
    { "$2b$1x$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm", "a malformed hash of b" },
    { "$2b$03$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm", "a malformed hash of b" },
    { "$2b$17$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm", "a hash that takes longer" },
    { "$6$salt$" D86 "x", "a malformed hash of S" }, { "$6$$" D86, "a malformed hash of S" },
    { "$6$", "a malformed hash of S" },
    { "$6$01234567890123456$" D86, "a malformed hash of S" }, { "$6$rounds=999$salt$" D86, "a malformed hash of S" },
    { "$6$rounds=$salt$" D86, "a malformed hash of S" }, { "$6$rounds=07000$salt$" D86, "a malformed hash of S" },
    { "$6$rounds=5000", "a malformed hash of S" }, { "$6$rounds=99999999$salt$" D86, "a hash that takes longer" },
    { "{CRAM-MD5}", "malformed" }, { CRAM "0", "malformed" },
    { "{CRAM-MD5}Cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bb"
      "aac395731b56", "malformed" }, { CRAM "," CRAM, "{CRAM-MD5} twice" },
      { SCRAM "," SCRAM, "{SCRAM-SHA-256} twice" },
    { YES "," BC, "two hashes" }, { "", "an empty hash" }, { YES ",", "an empty hash" }, { "," YES, "an empty hash" },
    { "-," YES, "no hash" },
    { "{SCRAM-SHA-256}4095:/cnK6IHnMFr83XYtEaSqag==:" KEYS, "{SCRAM-SHA-256} with" },
    { "{SCRAM-SHA-256}10000001:/cnK6IHnMFr83XYtEaSqag==:" KEYS, "{SCRAM-SHA-256} with" },
    { "{SCRAM-SHA-256}04096:/cnK6IHnMFr83XYtEaSqag==:" KEYS, "malformed" }, { "{SCRAM-SHA-256}", "malformed" },
    { "{SCRAM-SHA-256}4096:/cnK6IHnMFr83XYtEaSqag=:" KEYS, "malformed" }, { SCRAM ":", "malformed" },
    { "{SCRAM-SHA-256}4096::" KEYS, "malformed" }, { "{SCRAM-SHA-256}4096:AAAA:" KEYS, "malformed" },
    { "{SCRAM-SHA-256}4096:/cnK6IHnMFr83XYtEaSqag==", "malformed" }, { SCRAM ":AAAA", "malformed" },
  }, *c;
  struct users_keys k;
  EACH_CASE(c, cases) {
    char const *why = users_keys_scan(&k, c->in, strlen(c->in));
    CHECK(!why == !c->why && (!why || !strncmp(why, c->why, strlen(c->why))), "%s: %s", c->in, why ? why : "taken");
  }
  assert_non_null(users_keys_scan(&k, "$2\0$12$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm", strlen(BC)));
  assert_null(users_keys_scan(&k, CRAM "," SHA "," SCRAM, strlen(CRAM "," SHA "," SCRAM)));
  assert_string_equal(k.crypt, SHA);
  assert_int_equal(k.cram, 1);
  assert_memory_equal(k.states, "\xcd\x3b\xa7\xde", 4);
  assert_int_equal(k.iterations, 4096);
  assert_int_equal(k.salt_len, 16);
  assert_false(k.external);
  assert_true(!users_keys_scan(&k, "-", 1) && k.external);
  assert_true(!users_keys_scan(&k, BC ",{EXTERNAL}", strlen(BC) + 11) && k.external && *k.crypt);
  assert_int_equal(users_crypt_cost(YES), 7);
  assert_int_equal(users_crypt_cost(BC), 7);
  assert_int_equal(users_crypt_cost(SHA), 3);
  assert_int_equal(users_crypt_cost("$6$rounds=10000$salt$x"), 16);
  assert_int_equal(users_crypt_cost(""), 0);
  assert_int_equal(users_crypt_setting(YES), 12);
  assert_int_equal(users_crypt_setting(BC), 29);
  assert_int_equal(users_crypt_setting(SHA), 8);
}

/* Compiles `users` with a `domains`; the path of users.cdb comes back, which is gone with the next. */
static char path[] = "/tmp/test_users.XXXXXX";
static int made(char const *users)
{
  struct rules_text texts[] = {
    { "me", "relay.example\n", 14 }, { "domains", "hosted.example\n.hosted.example\n", 31 },
    { "users", users, strlen(users) },
  };
  FILE *f = tmpfile();
  assert_non_null(f);
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  struct rules_users with = { fd, SECRET };
  said.len = 0;
  int r = rules_compile_all(texts, 3, 0, fileno(f), &with, say, &said);
  assert_true(stralloc_0(&said));
  if (!r) { /* nothing of users is in the rules */
    struct table_set *t = table_open_fd(fileno(f));
    struct record rec;
    assert_non_null(t);
    assert_int_equal(table_find(t, TABLE_USERS, "joe", 3, &rec), 0);
    assert_int_equal(table_find(t, TABLE_USERS, "", 0, &rec), 0);
    table_close(t);
  }
  fclose(f);
  close(fd);
  return r;
}

static void records(void **state)
{
  struct user u;
  struct users_about about;
  assert_int_equal(made("Joe " YES "," SCRAM " norelay from Joe@Hosted.example @hosted.example @.Hosted.example\n# x\n"
                        "ann " YES "," SCRAM " off # ok: fewer-hashes\n"), 0);
  assert_null(table_open(path)); /* it is no rules.cdb */
  struct table_set *t = table_open_users(path);
  assert_non_null(t);
  assert_int_equal(users_find(t, "JOE", 3, &u), 1);
  assert_string_equal(u.name, "joe");
  assert_true(u.on && !u.relay);
  assert_string_equal(u.keys.crypt, YES);
  assert_int_equal(u.from_len, 52);
  assert_memory_equal(u.from, "joe@hosted.example\0@hosted.example\0@.hosted.example\0", 52);
  assert_int_equal(users_find(t, "ann", 3, &u), 1);
  assert_true(!u.on && u.relay && !u.from_len);
  assert_int_equal(users_find(t, "bob", 3, &u), 0);
  assert_int_equal(users_find(t, "", 0, &u), 0);
  assert_int_equal(users_find(t, "j\0e", 3, &u), 0);
  assert_int_equal(users_about(t, &about), 0);
  assert_memory_equal(about.secret, SECRET, USERS_SECRET);
  assert_true(!about.cram && about.scram && about.iterations == 4096 && about.salt_len == 16);
  assert_string_equal(about.setting, "$y$j9T$salt$");
  table_close(t);
}

/* What the file says of most. */
static void most(void **state)
{
  struct users_about a;
  assert_int_equal(made("a " YES "\nb " BC "\nc " BC "\nd " SCRAM "\n"), 0);
  struct table_set *t = table_open_users(path);
  assert_int_equal(users_about(t, &a), 0);
  assert_string_equal(a.setting, "$2b$12$x8EFD0LxL47vUHs/cmLG2e");
  table_close(t);
  assert_int_equal(made("a " SCRAM "\nb " BC "\nc " SCRAM "," CRAM "\nd " CRAM "\ne " CRAM "\n"), 0);
  t = table_open_users(path);
  assert_int_equal(users_about(t, &a), 0);
  assert_string_equal(a.setting, "");
  assert_true(a.cram && a.scram);
  table_close(t);
  assert_int_equal(made(""), 0);
  t = table_open_users(path);
  assert_int_equal(users_about(t, &a), 0);
  assert_true(!*a.setting && !a.cram && !a.scram && !a.external && a.iterations == 65536 && a.salt_len == 16);
  table_close(t);
}

/* Certificates are worth offering if somebody may come in by one. */
static void certificates(void **state)
{
  static struct { char const *users; int cram, external; } const cases[] = {
    { "a " YES "\nb " YES "," CRAM " # ok: fewer-hashes\n", 1, 0 }, { "a " YES "\nb -\n", 0, 1 },
    { "a " YES ",{EXTERNAL}\n", 0, 1 },
    { "a " YES "," CRAM ",{EXTERNAL}\n", 1, 1 }, { "a {EXTERNAL}\n", 0, 1 }, { "a {EXTERNAL} off\nb - off\n", 0, 0 },
  }, *c;
  struct users_about a;
  EACH_CASE(c, cases) {
    assert_int_equal(made(c->users), 0);
    struct table_set *t = table_open_users(path);
    assert_int_equal(users_about(t, &a), 0);
    CHECK(a.cram == c->cram && a.external == c->external && !a.scram, "%s", c->users);
    table_close(t);
  }
}

static void complaints(void **state)
{
  static struct said_case { char const *users, *said; } const cases[] = {
    { "joe " YES "\n", "" }, { "joe " YES " on relay\n", "" }, { "joe -\n", "" },
    { "joe\n", "users:1: `joe` without a hash of the password; relay-passwd writes the line" },
    { "a/b " YES "\n", "users:1: `a/b` can't be a name" },
    { "joe " YES "\nJOE " BC "\n", "users:2: `JOE` stands already in line 1" },
    { "joe secret\n", "users:1: behind `joe`: no hash of a kind that is known here; if it is the password itself" },
    { "joe " YES " maybe\n", "users:1: `maybe` is none of on, off, relay, norelay, from" },
    { "joe " YES " on off\n", "users:1: `off` after on or off" },
    { "joe " YES " norelay relay\n", "users:1: `relay` after relay" },
    { "joe " YES " from\n", "users:1: `from` without an address" },
    { "joe " YES " from x\n", "users:1: `x` is no address" },
    { "joe " YES " from @\n", "users:1: `@` is no address" },
    { "joe " YES " from a..b@hosted.example\n", "users:1: `a..b@hosted" },
    { "joe " YES " from x@far.example\n", "users:1: warning: `x@far.example` is of no domain in `domains`" },
    { "joe " YES " from @.far.example # ok: foreign-sender\n", "" },
    { "joe " YES " from x@hosted.example @a.hosted.example\n", "" },
    { "joe " YES "\nann " CRAM "\n", "users:1: warning: no {CRAM-MD5}, which others have" },
    { "joe " YES " off\nann " YES "," CRAM "\nbob -\n", "" },
    { "joe " YES " # ok: fewer-hashes\nann " YES "," CRAM "," SCRAM "\n", "" },
    { "joe " YES "\nann " YES "," CRAM "," SCRAM "\n",
      "users:1: warning: no {CRAM-MD5} and {SCRAM-SHA-256}, which others" },
  }, *c;
  EACH_CASE(c, cases) {
    made(c->users);
    CHECK(!strncmp(said.s, c->said, strlen(c->said)) && !*said.s == !*c->said, "%s: %s", c->users, said.s);
    CHECK(!strstr(said.s, "secret") && !strstr(said.s, "3xDHNn"), "%s", said.s);
  }
  char many[64000];
  for (int n = 2857; n <= 2858; n++) { /* 16 bytes and `from=` each */
    size_t at = (size_t)sprintf(many, "joe - from");
    for (int i = 0; i < n; i++) at += (size_t)sprintf(many + at, " @hosted.example");
    strcpy(many + at, "\n");
    int result = made(many);
    CHECK(result == (n == 2858), "%d senders: %s", n, said.s);
  }
  assert_int_equal(made("joe secret\n"), 1);
  assert_int_equal(made("joe " YES " from x@far.example\n"), 0);
}

/* Each byte of the file changed: nobody becomes another, nobody gains anything. */
static void damage(void **state)
{
  static unsigned char const masks[] = { 1, 0x20, 0x80 };
  struct user u;
  assert_int_equal(made("joe " YES "," SCRAM " norelay from joe@hosted.example\nann " YES "," SCRAM " off\n"), 0);
  int fd = open(path, O_RDWR), found[3] = { 0 };
  off_t size = lseek(fd, 0, SEEK_END);
  for (off_t i = 0; i < size; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      char was, is;
      assert_int_equal(pread(fd, &was, 1, i), 1);
      is = (char)(was ^ masks[m]);
      assert_int_equal(pwrite(fd, &is, 1, i), 1);
      struct table_set *t = table_open_users(path);
      if (t) {
        int r = users_find(t, "joe", 3, &u);
        found[1 + r]++;
        if (r > 0) {
          assert_true(u.on && !u.relay && u.from_len == 19 && u.keys.cram == 0);
          assert_string_equal(u.keys.crypt, YES);
          assert_memory_equal(u.from, "joe@hosted.example", 19);
        }
        r = users_find(t, "ann", 3, &u);
        if (r > 0) assert_false(u.on);
        table_close(t);
      }
      assert_int_equal(pwrite(fd, &was, 1, i), 1);
    }
  close(fd);
  assert_true(found[0] > 500 && found[2] > 500); /* much is seen, and what is not hit still works */
}

static int remove_file(void **state)
{
  return unlink(path);
}

static int make_file(void **state)
{
  int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(names), cmocka_unit_test(hashes), cmocka_unit_test(records), cmocka_unit_test(most),
    cmocka_unit_test(certificates),
    cmocka_unit_test(complaints), cmocka_unit_test(damage),
  };
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
