/* What a stamp says: bodies there and back, bodies that are none, names, ages; who has logged in. */
#include <stdlib.h>
#include "unit.h"
#include "stamp/login.h"
#include "stamp/stamp.h"

#define N(text) text, sizeof text - 1

static char const long_user[] = /* 255 bytes */
  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj"
  "kkkkkkkkkkllllllllllmmmmmmmmmmnnnnnnnnnnooooooooooppppppppppqqqqqqqqqqrrrrrrrrrrssssssssssttttttttttuuuu"
  "uuuuuuvvvvvvvvvvwwwwwwwwwwxxxxxxxxxxyyyyyyyyyyzzzzz";

static void there_and_back(void **state)
{
  struct { char const *user, *node; int64_t boot; unsigned net; } const cases[] = {
    { "joe@example.com", "", 12345, 0 }, { "", "", -1, 0 }, { "", "", 0, 1 }, { "joe", "mx-1.Example_x", INT64_MAX, 1 },
    { long_user, "", 1, 0 }, { "j\xc3\xb6 =", "n", -1, 0 }
  }, *c;
  EACH_CASE(c, cases) {
    struct stamp in = { .boot = c->boot, .net = c->net, .time = 7 }, out = { .time = 8 };
    char body[STAMP_BODY];
    strcpy(in.user, c->user);
    strcpy(in.node, c->node);
    size_t n = stamp_fmt(body, &in);
    assert_true(n > 0 && n < STAMP_BODY && !body[n - 1]);
    CHECK(stamp_scan(&out, body, n), "%s", c->user);
    assert_string_equal(out.user, c->user);
    assert_string_equal(out.node, c->node);
    assert_true(out.boot == c->boot && out.net == c->net && out.time == 8);
  }
}

/* Also relay-ctrl's: USER and DOMAIN as the environment had them, either may be missing or empty. */
static void bodies(void **state)
{
  struct { char const *s; size_t n; char const *user; /* null: none */ int64_t boot; } const cases[] = {
    { N("USER=joe\0"), "joe", -1 },
    { N("USER=joe\0DOMAIN=example.com\0"), "joe@example.com", -1 },
    { N("DOMAIN=example.com\0USER=joe\0"), "joe@example.com", -1 },
    { N("USER=joe@a.example\0DOMAIN=b.example\0"), "joe@a.example", -1 },
    { N("USER=joe\0DOMAIN=\0"), "joe", -1 },
    { N("USER=\0DOMAIN=\0"), "", -1 },
    { N("BOOTTIME=5\0"), "", 5 },
    { N("USER=a=b\0PATH=/x\0LD_PRELOAD=y\0BOOTTIME=17\0"), "a=b", 17 },
    { N("RELAYCLIENT=@evil.example\0USERX=q\0XUSER=r\0user=s\0"), "", -1 },
    { "", 0, 0, 0 },
    { N("\0"), 0, 0 },
    { N("USER=joe"), 0, 0 },
    { N("USER=joe\0x"), 0, 0 },
    { N("USER=joe\0\0"), 0, 0 },
    { N("USER\0"), 0, 0 },
    { N("=joe\0"), 0, 0 },
    { N("USER=joe\0USER=ann\0"), 0, 0 },
    { N("BOOTTIME=1\0BOOTTIME=1\0"), 0, 0 },
    { N("DOMAIN=example.com\0"), 0, 0 },
    { N("USER=jo\ne\0"), 0, 0 },
    { N("USER=jo\x7f\0"), 0, 0 },
    { N("USER=jo\xc2\x85\0"), 0, 0 },
    { N("USER=j\xf6\0"), 0, 0 },
    { N("USER=joe\0DOMAIN=a\tb\0"), 0, 0 },
    { N("BOOTTIME=\0"), 0, 0 },
    { N("BOOTTIME=-1\0"), 0, 0 },
    { N("BOOTTIME=1 \0"), 0, 0 },
    { N("BOOTTIME=9223372036854775807\0"), "", INT64_MAX },
    { N("BOOTTIME=9223372036854775808\0"), 0, 0 },
    { N("NODE=\0"), 0, 0 },
    { N("NODE=a/b\0"), 0, 0 },
    { N("NET=64\0"), "", -1 },
    { N("NET=0\0"), 0, 0 },
    { N("NET=\0"), 0, 0 },
    { N("NET=640\0"), 0, 0 }
  }, *c;
  EACH_CASE(c, cases) {
    struct stamp s;
    int r = stamp_scan(&s, c->s, c->n);
    CHECK(r == !!c->user, "%s (%zu)", c->s, c->n);
    if (!r) continue;
    assert_string_equal(s.user, c->user);
    assert_true(s.boot == c->boot);
  }
}

static void limits(void **state)
{
  char s[600] = "USER=";
  struct stamp out;
  assert_int_equal(strlen(long_user), STAMP_USER - 1);
  assert_true(stamp_is_user(long_user, STAMP_USER - 1));
  memset(s + 5, 'x', 300);
  s[5 + STAMP_USER] = 0;
  assert_false(stamp_scan(&out, s, 5 + STAMP_USER + 1));
  s[5 + STAMP_USER] = 'x';
  memcpy(s + 5 + 200, "\0DOMAIN=", 8); /* 200, @ and 54: 255 bytes */
  s[213 + 54] = 0;
  assert_true(stamp_scan(&out, s, 213 + 55));
  assert_int_equal(strlen(out.user), STAMP_USER - 1);
  s[213 + 54] = 'x';
  s[213 + 55] = 0;
  assert_false(stamp_scan(&out, s, 213 + 56));
  assert_false(stamp_is_user("", 0));
  memset(s, 'n', sizeof s);
  assert_true(stamp_is_node(s, STAMP_NODE - 1));
  assert_false(stamp_is_node(s, STAMP_NODE));
  assert_false(stamp_is_node("", 0));
  assert_false(stamp_is_node("a\0b", 3));
}

static void names(void **state)
{
  static char const *const good[] = { "192.0.2.1", "0.0.0.0", "2001:db8::1", "::1", "::", "2001:db8::" };
  static char const *const bad[] = {
    "", ".", "..", "192.0.2.01", "192.0.2", "192.0.2.1 ", " 192.0.2.1", "192.0.2.1.", "2001:DB8::1", "2001:db8:0::1",
    "::ffff:192.0.2.1", "::ffff:c000:201", "2001:db8::1%eth0", "[::1]", "./192.0.2.1", "192.0.2.1/24", ".192.0.2.1",
    "3221225985", "0x7f.1", "2001:db8::1:", "192.0.2.1\n"
  };
  struct ip ip;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    CHECK(stamp_name_scan(&ip, good[i], strlen(good[i])), "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(!stamp_name_scan(&ip, bad[i], strlen(bad[i])), "%s", bad[i]);
  assert_false(stamp_name_scan(&ip, N("192.0.2.1\0")));
  char text[IP_TEXT];
  assert_true(ip_scan(&ip, N("2001:db8:1:2:3:4:5:6")));
  struct ip net = stamp_network(&ip);
  ip_fmt(text, &net);
  assert_string_equal(text, "2001:db8:1:2::");
  assert_true(ip_scan(&ip, N("192.0.2.1")));
  net = stamp_network(&ip);
  assert_memory_equal(&net, &ip, sizeof ip);
}

static void ages(void **state)
{
  struct { int64_t time, boot, now, now_boot, age; } const cases[] = {
    { 1000, 50, 1000, 50, 0 }, { 1000, 50, 1300, 350, 300 },
    { 1000, -1, 1300, 350, 300 },        /* relay-ctrl's: one clock */
    { 1000, 50, 1300, -1, 300 },
    { 1000, 50, 1010, 650, 600 },        /* the clock was set back: not younger */
    { 1000, 50, 5000, 60, 4000 },        /* set forward: older, as relay-ctrl has it */
    { 1000, 50, 999, 60, -1 },           /* before the login */
    { 1000, 50, 1, 10000, -1 },
    { 1000, 5000, 1200, 100, 200 },      /* the machine was restarted */
    { 1000, 5000, 900, 100, -1 },
    { -1, 0, 5, 5, -1 },
    { INT64_MAX, 0, 0, 0, -1 }, { 0, INT64_MAX, INT64_MAX, 0, INT64_MAX }, { 0, 0, 0, INT64_MAX, INT64_MAX }
  }, *c;
  EACH_CASE(c, cases) {
    struct stamp s = { .time = c->time, .boot = c->boot };
    int64_t age = stamp_age(&s, c->now, c->now_boot);
    CHECK(age == c->age, "%lld at %lld: %lld", (long long)c->time, (long long)c->now, (long long)age);
  }
}

static char const *many(size_t n)
{
  static char s[12289];
  memset(s, 'u', n);
  s[n] = 0;
  return s;
}

static void logins(void **state)
{
  struct { struct login_env e; int done, known; char const *user; } const cases[] = {
    { { .user = 0 }, 1, 1, "" },
    { { .user = "joe" }, 1, 1, "joe" },
    { { .user = "joe", .domain = "example.com" }, 1, 1, "joe@example.com" },
    { { .user = "joe@a.example", .domain = "b.example" }, 1, 1, "joe@a.example" },
    { { .user = "joe", .domain = "" }, 1, 1, "joe" },
    { { .user = "", .domain = "example.com", .authuser = "ann" }, 1, 1, "ann" },
    { { .authenticated = "ann@example.com", .user = "root", .domain = "x.example" }, 1, 1, "ann@example.com" },
    { { .authenticated = "", .user = "joe" }, 1, 1, "joe" },
    { { .authuser = "/usr/lib/courier/authlib/authvchkpw" }, 1, 1, "" },
    { { .authuser = "/a", .authargv0 = "imapd" }, 0, 1, "" },
    { { .authuser = "/a", .authargv0 = "imapd", .authenticated = "", .user = "joe" }, 0, 1, "joe" },
    { { .authuser = "/a", .authargv0 = "imapd", .authenticated = "joe@x.example" }, 1, 1, "joe@x.example" },
    { { .user = "jo\ne" }, 1, 0, "" }, { { .user = "j\xff" }, 1, 0, "" }, { { .user = "a", .domain = "\1" }, 1, 0, "" },
    { { .user = many(12288) }, 1, 0, "" }, { { .user = "joe", .domain = many(12288) }, 1, 0, "" },
    { { .user = long_user }, 1, 1, long_user }, { { .user = long_user, .domain = "e" }, 1, 0, "" }
  }, *c;
  EACH_CASE(c, cases) {
    char user[STAMP_USER];
    CHECK(login_is_done(&c->e) == c->done, "case %zu", i_);
    CHECK(login_user(user, &c->e) == c->known && !strcmp(user, c->user), "case %zu: %s", i_, user);
  }
}

static void addresses(void **state)
{
  static char const *const good[][2] = {
    { "192.0.2.1", "192.0.2.1" }, { "::ffff:192.0.2.1", "192.0.2.1" }, { "fe80::1%eth0", "fe80::1" },
    { "2001:DB8:0:0::1", "2001:db8::1" }, { "127.0.0.1", "127.0.0.1" }
  };
  static char const *const bad[] = {
    "", "0.0.0.0", "::", "::ffff:0.0.0.0", "localhost", "192.0.2.1,192.0.2.2", "%eth0"
  };
  struct ip ip;
  char text[IP_TEXT];
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    CHECK(login_address(&ip, good[i][0]), "%s", good[i][0]);
    ip_fmt(text, &ip);
    assert_string_equal(text, good[i][1]);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!login_address(&ip, bad[i]), "%s", bad[i]);
  assert_false(login_address(&ip, 0));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(there_and_back), cmocka_unit_test(bodies), cmocka_unit_test(limits), cmocka_unit_test(names),
    cmocka_unit_test(ages), cmocka_unit_test(logins), cmocka_unit_test(addresses)
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
