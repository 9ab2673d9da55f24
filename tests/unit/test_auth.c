/* Passwords: vectors of each kind, and that nobody's absence shows. */
#include <stdlib.h>
#include "auth/asked.h"
#include "auth/make.h"
#include "hash/hash.h"
#include "rules_double.h"
#include "unit.h"

#define SHA "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define BCRYPT "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define YESCRYPT "$y$j75$LdJMENpBABJJ3hIHjB1Bi.$pLOAA.GWfQElzJMkN.JqzcItGXS.DsOZsBOX0fO4NDC"
/* RFC 2195's user tim; his password is tanstaaftanstaaf */
#define CHALLENGE "<1896.697170952@postoffice.reston.mci.net>"
#define RESPONSE "b913a602c7eda7a495b4e6e7334d3890"

static char secret[] = "0123456789abcdef0123456789abcdef";

/* A users.cdb, opened. */
static struct table_set *users(char const *text)
{
  struct rules_text texts[] = { { "me", "relay.example\n", 14 }, { "users", text, strlen(text) } };
  char path[] = "/tmp/test_auth.XXXXXX";
  FILE *f = tmpfile();
  struct rules_private with = { mkstemp(path), secret, -1 };
  assert_true(f && with.users >= 0);
  said.len = 0;
  assert_int_equal(rules_compile_all(texts, 2, 0, fileno(f), &with, say, &said), 0);
  struct table_set *t = table_open_users(path);
  assert_non_null(t);
  fclose(f);
  close(with.users);
  unlink(path);
  return t;
}

static struct auth of(struct table_set const *t)
{
  struct auth a = { .hashes = 0 };
  assert_int_equal(users_about(t, &a.about), 0);
  return a;
}

static int ask(struct auth *a, struct table_set const *t, enum mechanism m, char const *user, char const *word,
               char const *more)
{
  struct user u;
  struct asked q = { user, word, more };
  return auth_asked(a, t, m, &q, &u);
}

/* A line's hashes from a password. */
static char *line(char *out, size_t size, char const *name, struct make m, char const *password, char const *more)
{
  stralloc s = STRALLOC_ZERO;
  assert_true(make_hashes(&s, &m, password) && stralloc_0(&s));
  snprintf(out, size, "%s %s%s\n", name, s.s, more);
  stralloc_free(&s);
  return out;
}

static void vectors(void **state)
{
  struct table_set *t = users("sha " SHA "\nbcrypt " BCRYPT "\nyescrypt " YESCRYPT "\n");
  struct auth a = of(t);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "sha", "Hello world!", "x"), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "SHA", "Hello world!", "x"), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "sha", "Hello world", "x"), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "bcrypt", "U*U", "x"), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "bcrypt", "U*V", "x"), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "yescrypt", "secret", "x"), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "yescrypt", "secrets", "x"), AUTH_NO);
  assert_int_equal(a.hashes, 7);
  table_close(t);
}

static void rfc2195(void **state)
{
  char states[USERS_HASH], digest[HASH_CRAM_DIGEST], text[2000], other[2000];
  struct make m = { .kind = MAKE_SHA512, .cost = 1000, .cram = 1 };
  hash_cram_states(states, "tanstaaftanstaaf");
  hash_cram_digest(digest, states, CHALLENGE, strlen(CHALLENGE));
  assert_string_equal(digest, RESPONSE);
  strcat(line(text, sizeof text, "tim", m, "tanstaaftanstaaf", ""), line(other, sizeof other, "off", m,
    "tanstaaftanstaaf", " off"));
  struct table_set *t = users(text);
  struct auth a = of(t);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "tim", RESPONSE, CHALLENGE), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "Tim", RESPONSE, CHALLENGE), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "tim", RESPONSE "0", CHALLENGE), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "tim", "", CHALLENGE), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "tim", "b913a602c7eda7a495b4e6e7334d3891", CHALLENGE), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "tim", RESPONSE, CHALLENGE " "), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "off", RESPONSE, CHALLENGE), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "tom", RESPONSE, CHALLENGE), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_CRAM, "tim", "tanstaaftanstaaf", CHALLENGE), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "tim", RESPONSE, CHALLENGE), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_UNSAID, "tim", RESPONSE, CHALLENGE), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_UNSAID, "tim", RESPONSE, "1896"), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_UNSAID, "tim", "tanstaaftanstaaf", CHALLENGE), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_SCRAM, "tim", "tanstaaftanstaaf", ""), AUTH_NO);
  table_close(t);
  /* RFC 2104 2: longer keys than MD5's block are hashed first (RFC 2202, test 6) */
  char key[81];
  memset(key, 0xaa, 80);
  key[80] = 0;
  hash_cram_states(states, key);
  hash_cram_digest(digest, states, "Test Using Larger Than Block-Size Key - Hash Key First", 54);
  assert_string_equal(digest, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

/* Dovecot keeps the same states in the same order. */
static void dovecot(void **state)
{
  struct table_set *t = users("a {CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6\n"
                              "b {CRAM-MD5}9186d855e11eba527a7a52ca82b313e180d62234f0acc9051b527243d41e2740\n");
  struct auth a = of(t);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "a", "test", ""), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "b", "password", ""), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "a", "password", ""), AUTH_NO);
  table_close(t);
}

/* Whatever the user, a login costs one hash; and all who may not come in are told the same. */
static void same_work(void **state)
{
  char text[8000] = "", one[2000];
  struct make both = { .kind = MAKE_SHA512, .cost = 1000, .iterations = 4096, .cram = 1 };
  struct make yescrypt = { .kind = MAKE_YESCRYPT, .cost = 1 };
  strcat(text, line(one, sizeof one, "joe", both, "secret", ",{EXTERNAL}"));
  strcat(text, line(one, sizeof one, "off", both, "secret", ",{EXTERNAL} off"));
  strcat(text, line(one, sizeof one, "yes", yescrypt, "secret", ""));
  line(one, sizeof one, "scram", both, "secret", "");
  char *crypt = strchr(one, '$'), *comma = strchr(one, ',');
  memmove(crypt, comma + 1, strlen(comma)); /* SCRAM and CRAM-MD5 without crypt(3) */
  strcat(text, one);
  line(one, sizeof one, "cram", both, "secret", "");
  crypt = strchr(one, '$');
  comma = strrchr(one, ',');
  memmove(crypt, comma + 1, strlen(comma));
  strcat(text, one);
  strcat(text, "nothing -\n");
  struct table_set *t = users(text);
  static struct work_case { char const *user, *password; int result; } const cases[] = {
    { "joe", "secret", AUTH_YES }, { "yes", "secret", AUTH_YES }, { "scram", "secret", AUTH_YES },
    { "cram", "secret", AUTH_YES },
    { "joe", "Secret", AUTH_NO }, { "yes", "Secret", AUTH_NO }, { "scram", "Secret", AUTH_NO },
    { "cram", "Secret", AUTH_NO },
    { "joe", "", AUTH_NO }, { "off", "secret", AUTH_NO }, { "off", "Secret", AUTH_NO }, { "nobody", "secret", AUTH_NO },
    { "", "secret", AUTH_NO }, { "jo/e", "secret", AUTH_NO }, { "nothing", "secret", AUTH_NO },
    { "nothing", "", AUTH_NO },
    { "nothing", "-", AUTH_NO }, { "joe%", "secret", AUTH_NO }, { "joe\r\n", "secret", AUTH_NO },
  }, *c;
  struct auth a = of(t);
  unsigned long before = 0;
  EACH_CASE(c, cases) {
    int result = ask(&a, t, MECHANISM_PASSWORD, c->user, c->password, "");
    CHECK(result == c->result && a.hashes == before + 1, "%s %s: %d, %lu", c->user, c->password, result,
          a.hashes - before);
    before = a.hashes;
    CHECK(ask(&a, t, MECHANISM_UNSAID, c->user, c->password, "") == c->result && a.hashes == before + 1, "%s", c->user);
    before = a.hashes;
  }
  assert_int_equal(ask(&a, t, MECHANISM_EXTERNAL, "joe", "", ""), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_EXTERNAL, "nothing", "", ""), AUTH_YES);
  assert_int_equal(ask(&a, t, MECHANISM_EXTERNAL, "yes", "", ""), AUTH_NO); /* who has not asked for it */
  assert_int_equal(ask(&a, t, MECHANISM_EXTERNAL, "cram", "", ""), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_EXTERNAL, "joe", "secret", ""), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_EXTERNAL, "off", "", ""), AUTH_NO);
  assert_int_equal(ask(&a, t, MECHANISM_EXTERNAL, "nobody", "", ""), AUTH_NO);
  table_close(t);
}

static void asked(void **state)
{
  struct asked q;
  assert_int_equal(asked_scan(&q, "joe\0pw\0time\0", 12), 1);
  assert_string_equal(q.user, "joe");
  assert_string_equal(q.secret, "pw");
  assert_string_equal(q.more, "time");
  assert_int_equal(asked_scan(&q, "\0\0\0more", 7), 1);
  assert_int_equal(asked_scan(&q, "joe\0pw\0time", 11), 0);
  assert_int_equal(asked_scan(&q, "joe\0pw\0", 7), 0);
  assert_int_equal(asked_scan(&q, "joe", 3), 0);
  assert_int_equal(asked_scan(&q, "", 0), 0);
  assert_int_equal(mechanism_of(0), MECHANISM_UNSAID);
  assert_int_equal(mechanism_of("PLAIN"), MECHANISM_PASSWORD);
  assert_int_equal(mechanism_of("LOGIN"), MECHANISM_PASSWORD);
  assert_int_equal(mechanism_of("CRAM-MD5"), MECHANISM_CRAM);
  assert_int_equal(mechanism_of("EXTERNAL"), MECHANISM_EXTERNAL);
  assert_int_equal(mechanism_of("SCRAM-SHA-256"), MECHANISM_SCRAM);
  assert_int_equal(mechanism_of("SCRAM-SHA-1"), MECHANISM_UNKNOWN);
  assert_int_equal(mechanism_of(""), MECHANISM_UNKNOWN);
}

static void fit(void **state)
{
  char s[USERS_PASSWORD + 1];
  memset(s, 'x', sizeof s);
  assert_null(make_unfit(MAKE_YESCRYPT, "secret", 6));
  assert_null(make_unfit(MAKE_YESCRYPT, "gr\xc3\xbcn \\\"'", 9));
  assert_null(make_unfit(MAKE_YESCRYPT, s, USERS_PASSWORD));
  assert_non_null(make_unfit(MAKE_YESCRYPT, s, USERS_PASSWORD + 1));
  assert_null(make_unfit(MAKE_BCRYPT, s, 72));
  assert_non_null(make_unfit(MAKE_BCRYPT, s, 73));
  assert_non_null(make_unfit(MAKE_YESCRYPT, "", 0));
  assert_non_null(make_unfit(MAKE_YESCRYPT, "a\0b", 3));
  assert_non_null(make_unfit(MAKE_YESCRYPT, "a\tb", 3));
  assert_non_null(make_unfit(MAKE_YESCRYPT, "a\rb", 3));
  assert_non_null(make_unfit(MAKE_YESCRYPT, "a\x7f", 2));
  assert_non_null(make_unfit(MAKE_YESCRYPT, "gr\xfcn", 4));
  assert_int_equal(make_kind("bcrypt"), MAKE_BCRYPT);
  assert_int_equal(make_kind("md5"), MAKE_COUNT);
  assert_true(make_cost_ok(MAKE_BCRYPT, 0) && make_cost_ok(MAKE_BCRYPT, 16) && !make_cost_ok(MAKE_BCRYPT, 17));
  assert_true(!make_cost_ok(MAKE_SHA512, 999) && !make_cost_ok(MAKE_YESCRYPT, 12));
}

/* What is made is taken, whatever the kind, with the usual costs too. */
static void made(void **state)
{
  char text[2000];
  for (int kind = 0; kind < MAKE_COUNT; kind++) {
    struct make m = { .kind = (enum make_kind)kind };
    struct table_set *t = users(line(text, sizeof text, "joe", m, "gr\xc3\xbcn \\\"'", ""));
    struct auth a = of(t);
    assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "joe", "gr\xc3\xbcn \\\"'", ""), AUTH_YES);
    assert_int_equal(ask(&a, t, MECHANISM_PASSWORD, "joe", "gr\xc3\xbcn \\\"", ""), AUTH_NO);
    table_close(t);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(vectors), cmocka_unit_test(rfc2195), cmocka_unit_test(dovecot),
    cmocka_unit_test(same_work), cmocka_unit_test(asked),
    cmocka_unit_test(fit), cmocka_unit_test(made),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
