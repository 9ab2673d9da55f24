/* The file `logins`: what is said of it, and which login is found for a route and a sender. */
#include <fcntl.h>
#include "rules_cases.h"
#include "policy/logins.h"

static char path[] = "/tmp/test_logins.XXXXXX";

static char const relays[] =
  ":Smart.example:587 tls=verify\n"
  "a.example:192.0.2.1:2525 tls=verify\n"
  "b.example:[2001:db8::1] tls=verify\n"
  "c.example:/run/lmtp.sock\n"
  "d.example:deep.down.example tls=verify\n"
  "e.example:\n";

/* Compiles `logins` beside these routes; its cdb is at `path`, till the next. */
static int made(char const *logins)
{
  struct rules_text texts[] = {
    { "me", "relay.example\n", 14 }, { "routes", relays, sizeof relays - 1 }, { "logins", logins, strlen(logins) },
  };
  FILE *f = tmpfile();
  assert_non_null(f);
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  struct rules_private with = { -1, 0, fd };
  said.len = 0;
  int r = rules_compile_all(texts, 3, 0, fileno(f), &with, say, &said);
  assert_true(stralloc_0(&said));
  assert_null(strstr(said.s, "secret"));
  if (!r) { /* nothing of it is in the rules */
    char bytes[8192];
    size_t n = (size_t)pread(fileno(f), bytes, sizeof bytes, 0);
    assert_true(n < sizeof bytes && !memmem(bytes, n, "secret", 6) && !memmem(bytes, n, "user", 4));
  }
  fclose(f);
  close(fd);
  return r;
}

static char const many[] =
  "smart.EXAMPLE.:587 user-port secret1\n"
  "smart.example user-host secret2 # where else\n"
  ".example user-suffix secret3\n"
  "192.0.2.1 user-4 secret4 cram-md5\n"
  "[2001:DB8::1]:25 user-6 secret5\n"
  "/run/lmtp.sock user-socket secret6 plain clear\n"
  "from:Joe@Far.example user-joe secret7 login # ok: any-relay\n"
  "from:ann@far.example user-ann secret8 at=192.0.2.1:2525\n"
  "from:@far.example user-far secret9 clear scram-sha-256 # ok: any-relay\n"
  "from:@.far.example user-below secret10 at=.example plain\n";

static struct { char const *word, *sender, *user; } const finds[] = {
  { "smart.example:587", "x@other.test", "user-port" }, { "smart.example:587", "", "user-port" },
  { "smart.example:25", "", "user-host" }, { "x.smart.example:25", "", "user-suffix" },
  { "deep.down.example:25", "postmaster", "user-suffix" }, { "example:25", "", 0 }, { "smart.example.test:587", "", 0 },
  { "192.0.2.1:2525", "", "user-4" }, { "192.0.2.1:25", "", "user-4" }, { "192.0.2.2:25", "", 0 },
  { "[2001:db8::1]:25", "", "user-6" }, { "[2001:db8::1]:26", "", 0 },
  { "/run/lmtp.sock;lmtp", "", "user-socket" }, { "/run/lmtp.sock", "", "user-socket" }, { "/run/lmtp.socks", "", 0 },
  { "smart.example:587", "jOE@far.Example.", "user-joe" }, { "smart.example:587", "joe+x@far.example", "user-far" },
  { "192.0.2.1:2525", "ann@far.example", "user-ann" }, { "192.0.2.1:26", "ann@far.example", "user-far" },
  { "smart.example:587", "ann@far.example", "user-far" }, { "192.0.2.1:25", "x@y.far.example", "user-4" },
  { "smart.example:587", "x@y.far.example", "user-below" }, { "192.0.2.2:25", "x@y.z.far.example", 0 },
  { "smart.example:587", "no address", "user-port" }, { "smart.example:587", "x@[192.0.2.9]", "user-port" },
  /* whom the DNS or a client names gets no password, whatever a line says */
  { "mx:[192.0.2.1]", "", 0 }, { "mx:[192.0.2.1]:2525", "joe@far.example", 0 }, { "mx:[2001:db8::1]", "", 0 },
  { "mx:smart.example", "joe@far.example", 0 }, { "mx:smart.example:587", "", 0 },
};

static void found(void **state)
{
  struct route r;
  struct login l;
  CHECK(!made(many) && !*said.s, "%s", said.s);
  assert_null(table_open(path));
  assert_null(table_open_users(path));
  struct table_set *t = table_open_logins(path);
  assert_non_null(t);
  for (size_t i = 0; i < sizeof finds / sizeof *finds; i++) {
    assert_true(route_scan(&r, finds[i].word));
    int there = logins_find(t, &r, finds[i].sender, &l);
    CHECK(there == (finds[i].user != 0) && (!there || !strcmp(l.user, finds[i].user)), "%s %s: %s", finds[i].word,
          finds[i].sender, there > 0 ? l.user : "none");
    assert_int_equal(logins_find(0, &r, finds[i].sender, &l), 0);
  }
  assert_true(route_scan(&r, "smart.example:587"));
  assert_int_equal(logins_find(t, &r, "x@far.example", &l), 1);
  assert_string_equal(l.password, "secret9");
  assert_true(l.mechanism == LOGIN_SCRAM_SHA_256 && l.clear && l.line == 9);
  assert_int_equal(logins_find(t, &r, "", &l), 1);
  assert_true(l.mechanism == LOGIN_ANY && !l.clear && l.line == 1);
  table_close(t);
}

/* A byte changed anywhere in the records: never another login. */
static void damage(void **state)
{
  static char bytes[8192];
  struct route r;
  struct login l;
  unsigned bad = 0;
  assert_true(route_scan(&r, "smart.example:587"));
  assert_int_equal(made("smart.example:587 user secret plain\n"), 0);
  int fd = open(path, O_RDWR);
  size_t n = (size_t)read(fd, bytes, sizeof bytes);
  assert_true(n > 2048 && n < sizeof bytes);
  for (size_t i = 2048; i < n; i++) {
    char changed = (char)(bytes[i] ^ 1);
    assert_int_equal(pwrite(fd, &changed, 1, (off_t)i), 1);
    struct table_set *t = table_open_logins(path);
    int there = t ? logins_find(t, &r, "", &l) : -1;
    if (there < 0) bad++;
    if (there > 0) assert_true(!strcmp(l.user, "user") && !strcmp(l.password, "secret") && l.mechanism == LOGIN_PLAIN);
    table_close(t);
    assert_int_equal(pwrite(fd, bytes + i, 1, (off_t)i), 1);
  }
  close(fd);
  assert_true(bad > 60);
}

/* Words in quotes, and the longest. */
static void quotes(void **state)
{
  static struct { char const *written, *password; } const rows[] = {
    { "\"a b\"", "a b" }, { "\"a\\\"b\\\\\"", "a\"b\\" }, { "a\\b\"c", "a\\b\"c" },
    { "\"# ok: unused\"", "# ok: unused" },
    { "a#b", "a#b" }, { "\"\\n\"", "\\n" }, { "\xc3\xbc\x01", "\xc3\xbc\x01" }, { "\" \" # why", " " },
  };
  struct route r;
  struct login l;
  char text[2000], word[LOGIN_PASSWORD + 1];
  assert_true(route_scan(&r, "192.0.2.1:2525"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(text, sizeof text, "192.0.2.1\t\"the user\"   %s\n", rows[i].written);
    CHECK(!made(text), "%s", said.s);
    struct table_set *t = table_open_logins(path);
    assert_int_equal(logins_find(t, &r, "", &l), 1);
    assert_string_equal(l.user, "the user");
    assert_string_equal(l.password, rows[i].password);
    table_close(t);
  }
  memset(word, 'p', sizeof word);
  for (int more = 0; more < 2; more++) {
    snprintf(text, sizeof text, "192.0.2.1 %.*s %.*s\n", LOGIN_USER - 1, word, LOGIN_PASSWORD - 1 + more, word);
    assert_int_equal(made(text), more);
    snprintf(text, sizeof text, "192.0.2.1 %.*s x\n", LOGIN_USER - 1 + more, word);
    assert_int_equal(made(text), more);
  }
}

#define NO_KEY "the first word is neither a relay (host, host:port, [address]:port, .suffix, /socket) nor a sender " \
  "(from:LOCAL@DOMAIN, from:@DOMAIN); it is not shown, as it may hold a password\n"
#define OPTIONS "a word behind the password is none of plain, login, cram-md5, scram-sha-256, clear, at=RELAY, or it " \
  "stands here twice; a password with blanks stands in quotes\n"
static struct bad_case const bad[] = {
  { "logins", "a.example\na.example u\na.example u # x\na.example \"\" secret\na.example u \"\"\n",
    "1: no user; a login is: relay user password\n2: no password; a login is: relay user password\n"
    "3: no password; a login is: relay user password\n4: no user; a login is: relay user password\n"
    "5: no password; a login is: relay user password\n" },
  { "logins", "a.example u \"secret\na.example u \"secret\"x\na.example \"u secret\na.example u \"secret\\\"\n",
    "1: the password lacks its second quote, or a blank behind it\n"
    "2: the password lacks its second quote, or a blank behind it\n"
    "3: the user lacks its second quote, or a blank behind it\n"
    "4: the password lacks its second quote, or a blank behind it\n" },
  { "logins", "a.example u the secret\na.example u secret plain login\na.example u secret PLAIN\n"
    "a.example u secret clear clear\na.example u secret external\nfrom:@b.example u secret at=a.example at=a.example\n",
    "1: " OPTIONS "2: " OPTIONS "3: " OPTIONS "4: " OPTIONS "5: " OPTIONS "6: " OPTIONS },
  { "logins", "*.example u p\n.a.example:25 u p\n:25 u p\na.example:0 u p\na.example: u p\n[192.0.2.1 u p\n"
    "2001:db8::1 u p\n1.2.3 u p\n. u p\n",
    "1: " NO_KEY "2: " NO_KEY "3: " NO_KEY "4: " NO_KEY "5: " NO_KEY "6: " NO_KEY
    "7: " NO_KEY "8: " NO_KEY "9: " NO_KEY },
  { "logins", "/run/s|joe|secret joe secret\na.example joe secret # ok: secret\n",
    "1: " NO_KEY "2: `ok:` with what is no warning's word\n" },
  { "logins", "from:joe u p\nfrom: u p\nfrom:@ u p\nfrom:a%b@c.example u p\na.example u p at=b.example\n"
    "from:@b.example u p at=\n",
    "1: " NO_KEY "2: " NO_KEY "3: " NO_KEY "4: " NO_KEY
    "5: `at=` is for senders: this line names its relay already\n"
    "6: no relay behind `at=`: host, host:port, [address]:port, .suffix, /socket\n" },
  { "logins", "a.example u p\nA.Example. v q\nfrom:@b.example u p\nfrom:@B.example v q at=a.example\n",
    "2: `A.Example.` stands already in line 1\n4: `from:@B.example` stands already in line 3\n" },
};

static void complains(void **state)
{
  ERRORS(bad);
}

#define NONE(who) "warning: no line of `routes` names " who ", and there is no login elsewhere [unused]\n"
static struct bad_case const idle[] = {
  { "%", "%routes\n:a.example:25 tls=verify\nx.example:b.example tls=verify\n%logins\na.example:587 u p\n"
    "b.example u p\n"
    ".example u p\n"
    "c.example u p # ok: unused\nfrom:@x.example u p # ok: any-relay\nfrom:@y.example u p at=d.example\n"
    "from:@z.example u p at=a.example\n",
    "logins:1: " NONE("`a.example:587`") "logins:6: " NONE("`d.example`") },
  { "%", "%routes\na.example:\n%logins\na.example u p\nfrom:@x.example u p\n",
    "logins:1: " NONE("`a.example`") "logins:2: " NONE("a relay") },
};

static void unused(void **state)
{
  WARNINGS_OF(idle);
}

#define BARE(relay, line) "warning: whoever answers for " relay " gets the password: line " line " of `routes` has " \
  "no `tls=verify`, so any certificate does [unverified]\n"
#define ANY(n) "warning: the password goes to whichever of the " n " relays in `routes` the mail goes to; `at=RELAY` " \
  "names one [any-relay]\n"
static struct bad_case const careless[] = {
  { "%", "%routes\n:a.example:465 tls=now\nx.example:b.example tls=verify\n%logins\na.example u p\nb.example u p\n"
    ".example u p\na.example:465 u p\nfrom:@x.example u p at=a.example:465\nfrom:@y.example u p at=b.example\n"
    "from:@z.example u p\nfrom:@v.example u p at=a.example # ok: unverified\n",
    "logins:1: " BARE("`a.example`", "1") "logins:3: " BARE("`.example`", "1") "logins:4: " BARE("`a.example:465`", "1")
    "logins:5: " BARE("`a.example:465`", "1") "logins:7: " BARE("a relay", "1") "logins:7: " ANY("2") },
  { "%", "%routes\n:a.example tls=verify\nx.example:a.example:587 tls=required\nz.example:a.example tls=none\n"
    "%logins\nfrom:@x.example u p\na.example:25 u p\n",
    "logins:1: " BARE("a relay", "2") "logins:2: " BARE("`a.example:25`", "3") },
  { "%", "%routes\n:127.0.0.2:587\na.example:[::1]:587\nb.example:/run/s\nc.example:localhost:24 lmtp\n%logins\n"
    "127.0.0.2 u p\n[::1] u p\n/run/s u p\nlocalhost u p\nfrom:@x.example u p\n", "logins:5: " ANY("4") },
  { "%", "%routes\na.example: tls=verify\nb.example: tls=verify name=b.example\nc.example:c.example tls=verify\n"
    "d.example: tls=verify # ok: mx-names\n",
    "routes:1: warning: a certificate of any mail exchanger's name will do, and unsigned DNS says who that is; `name=` "
    "says it here [mx-names]\n" },
};

/* Passwords for whoever stands in the way. */
static void unverified(void **state)
{
  WARNINGS_OF(careless);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(found), cmocka_unit_test(damage), cmocka_unit_test(quotes), cmocka_unit_test(complains),
    cmocka_unit_test(unused), cmocka_unit_test(unverified),
  };
  close(mkstemp(path));
  int r = cmocka_run_group_tests(tests, 0, 0);
  unlink(path);
  stralloc_free(&said);
  return r;
}
