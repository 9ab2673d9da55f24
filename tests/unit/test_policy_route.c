/* lib/policy/route: which route a domain takes, and routes as words. */
#include "rules_double.h"
#include "policy/route.h"

static char const some[] =
  "a.example:exact.example:2525\n"
  ".example:suffix.example\n"
  ".b.example:[2001:db8::1]:26\n"
  "direct.example:\n"
  "port.example::587\n"
  "[192.0.2.9]:literal.example\n"
  "[192.0.2.8]::24\n"
  "[IPv6:2001:db8::8]:\n"
  "lmtp.example:/run/d%;\xc3\xbc:24\n"
  "socket.example:/run/smtp smtp\n"
  "local.example:127.0.0.1:24 \t lmtp tls=none\n"
  "safe.example:[2001:db8::1]:587 ca=/etc/a;b.pem name=Mail.Example. tls=verify\n"
  "now.example:h.example:465 tls=now\n"
  "both.example:h.example:465 tls=verify,now smtp\n"
  "mx.example: tls=required\n"
  "sure.example::2525 tls=verify ca=/x\n"
  "may.example:h.example tls=may ca=/x\n"
  "[192.0.2.10]::465 tls=now,required\n"
  "single.example:mx:25 tls=required\n";
static char const with_default[] = "a.example:\n:192.0.2.1:2525\n";
static char const empty_default[] = "::26\n";

static struct { char const *routes, *domain, *word; } const cases[] = {
  { some, "a.example", "exact.example:2525" }, { some, "x.a.example", "suffix.example:25" },
  { some, "c.example", "suffix.example:25" },
  { some, "b.example", "suffix.example:25" }, { some, "x.b.example", "[2001:db8::1]:26" },
  { some, "y.x.b.example", "[2001:db8::1]:26" },
  { some, "direct.example", "mx:direct.example" }, { some, "port.example", "mx:port.example:587" },
  { some, "example", "mx:example" }, { some, "other.test", "mx:other.test" }, { some, "aa.examplex", "mx:aa.examplex" },
  { some, "[192.0.2.9]", "literal.example:25" }, { some, "[192.0.2.8]", "mx:[192.0.2.8]:24" },
  { some, "[192.0.2.7]", "mx:[192.0.2.7]" },
  { some, "[192.0.2.10]", "mx:[192.0.2.10]:465;tls=now" }, { some, "[IPv6:2001:db8::8]", "mx:[2001:db8::8]" },
  { some, "[IPv6:2001:db8::9]", "mx:[2001:db8::9]" },
  { some, "lmtp.example", "/run/d%25%3B%C3%BC:24;lmtp" }, { some, "socket.example", "/run/smtp" },
  { some, "local.example", "127.0.0.1:24;lmtp;tls=none" },
  { some, "safe.example", "[2001:db8::1]:587;tls=verify;name=mail.example;ca=/etc/a%3Bb.pem" },
  { some, "now.example", "h.example:465;tls=now" }, { some, "both.example", "h.example:465;tls=now,verify" },
  { some, "mx.example", "mx:mx.example;tls=required" },
  { some, "sure.example", "mx:sure.example:2525;tls=verify;ca=/x" }, { some, "may.example", "h.example:25;ca=/x" },
  { some, "single.example", "mx:25;tls=required" },
  { with_default, "a.example", "mx:a.example" }, { with_default, "b.a.example", "192.0.2.1:2525" },
  { with_default, "other.test", "192.0.2.1:2525" }, { with_default, "[192.0.2.9]", "192.0.2.1:2525" },
  { empty_default, "a.example", "mx:a.example:26" }, { empty_default, "[192.0.2.9]", "mx:[192.0.2.9]:26" },
  { "", "a.example", "mx:a.example" }, { 0, "a.example", "mx:a.example" }, { 0, "[IPv6:::1]", "mx:[::1]" },
};

static void same(struct route const *a, struct route const *b)
{
  assert_string_equal(a->host, b->host);
  assert_string_equal(a->name, b->name);
  assert_string_equal(a->ca, b->ca);
  assert_true(a->mx == b->mx && a->named == b->named && a->local == b->local);
  assert_true(a->lmtp == b->lmtp && a->tls_now == b->tls_now);
  assert_int_equal(a->tls, b->tls);
  assert_int_equal(a->port, b->port);
}

static void found(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct table_set *t = cases[i].routes ? rules(0, 0, 0, cases[i].routes, 0) : 0;
    struct route r, again;
    char word[ROUTE_TEXT];
    assert_int_equal(route_find(t, cases[i].domain, &r), 0);
    assert_int_equal(route_fmt(word, &r), strlen(cases[i].word));
    assert_string_equal(word, cases[i].word);
    assert_int_equal(r.named, !!strncmp(word, "mx:", 3) || !strcmp(r.host, "mx"));
    assert_int_equal(r.mx, !r.named && *r.host && word[3] != '[');
    assert_true(route_scan(&again, word));
    same(&again, &r);
    if (t) table_close(t);
  }
}

/* Words that a hand may have typed: the canonical word, or null. */
static struct { char const *word, *canonical; } const scans[] = {
  { "mx:Example.COM", "mx:example.com" }, { "mx:example.com:25", "mx:example.com" },
  { "mx:example.com:2525", "mx:example.com:2525" },
  { "Host.example:25", "host.example:25" }, { "192.0.2.1:65535", "192.0.2.1:65535" },
  { "[2001:DB8::1]:25", "[2001:db8::1]:25" },
  { "", 0 }, { "mx:", 0 }, { "host.example", 0 }, { "host.example:", 0 }, { "host.example:0", 0 },
  { "host.example:65536", 0 },
  { "host.example:25x", 0 }, { "host.example: 25", 0 }, { ":25", 0 }, { "2001:db8::1:25", 0 }, { "[2001:db8::1]", 0 },
  { "[2001:db8::1]25", 0 }, { "[2001:db8::1:25", 0 }, { "[192.0.2.1]:25", 0 }, { "[]:25", 0 },
  { "mx:[2001:DB8::1]:25", "mx:[2001:db8::1]" }, { "mx:[192.0.2.1]:26", "mx:[192.0.2.1]:26" },
  { "mx:[192.0.2.1", 0 }, { "mx:[192.0.2.1]x", 0 }, { "mx:[192.0.2.1]:", 0 }, { "mx:[]", 0 }, { "mx:[h.example]", 0 },
  { "mx:[", 0 }, { "mx:2001:db8::1", 0 }, { "mx:[192.0.2.1]:24;lmtp", 0 }, { "[h.example]:25", 0 },
  { "mx:[IPv6:2001:db8::1]", 0 },
  { "mx:192.0.2.1", 0 }, { "mx:192.0.2.1:25", 0 }, { "a b.example:25", 0 }, { "1.2.3:25", 0 }, { "192.0.2.256:25", 0 },
  { "/run/x;lmtp", "/run/x;lmtp" }, { "/%72un%2fx", "/run/x" }, { "/x;smtp", 0 }, { "/x;lmtp;tls=none", 0 },
  { "/x;", 0 }, { "/%00", 0 }, { "/%2", 0 }, { "/%g0", 0 }, { "/x;lmtp;lmtp", 0 },
  { "h.example:24;tls=may;lmtp;smtp", 0 }, { "h.example:24;tls=may;lmtp", "h.example:24;lmtp" },
  { "h.example:25;lmtp", 0 }, { "mx:h.example;lmtp", 0 }, { "mx:h.example:24;lmtp", 0 }, { "h.example:25;tls=now", 0 },
  { "h.example:25;name=x.example", 0 }, { "h.example:25;tls=none;ca=/x", 0 }, { "h.example:25;ca=x", 0 },
  { "h.example:25;ca=/a%20b", 0 }, { "h.example:25;ca=/a%3bb", "h.example:25;ca=/a%3Bb" }, { ";lmtp", 0 },
  { "h.example:25;tls=verify;name=", 0 }, { "h.example:25;tls=verify,may", 0 }, { "h.example:25;TLS=may", 0 },
  { "h.example:25;tls=verify;name=X.example", "h.example:25;tls=verify;name=x.example" },
  { "mx:25", "mx:25" }, { "MX:587", "mx:587" }, { "mx:25:25", 0 }, { "mx:0", 0 }, { "mx:65536", 0 },
  { "mx:mx", "mx:mx" }, { "mx:mx:26", "mx:mx:26" },
  { "mx:mx:example.com", 0 }, { "a..b:25", 0 }, { "[fe80::1%1]:25", 0 }, { "host.example:-25", 0 },
};

static void scanned(void **state)
{
  for (size_t i = 0; i < sizeof scans / sizeof *scans; i++) {
    struct route r;
    char word[ROUTE_TEXT];
    if (route_scan(&r, scans[i].word) != (scans[i].canonical != 0)) fail_msg("%s", scans[i].word);
    if (!scans[i].canonical) continue;
    route_fmt(word, &r);
    assert_string_equal(word, scans[i].canonical);
  }
}

/* A literal has no suffixes, also when a table made by others holds what looks like one. */
static void literals(void **state)
{
  FILE *f = tmpfile();
  struct table_builder *b = table_build(fileno(f));
  struct route r;
  assert_int_equal(table_add(b, TABLE_ROUTES, ".2.1]", 5, 1, "wrong.example\0", 15), 0);
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fileno(f));
  assert_non_null(t);
  assert_int_equal(route_find(t, "[192.0.2.1]", &r), 0);
  assert_string_equal(r.host, "192.0.2.1");
  table_close(t);
  fclose(f);
}

/* The longest name fits its word. */
static void longest(void **state)
{
  char name[DOMAIN_TEXT], word[ROUTE_TEXT];
  struct route r, again;
  for (unsigned i = 0; i < 253; i++) name[i] = i % 64 == 63 ? '.' : 'a';
  name[253] = 0;
  r = (struct route){ .port = 65535, .mx = 1 };
  strcpy(r.host, name);
  assert_int_equal(route_fmt(word, &r), 253 + 3 + 6);
  assert_true(route_scan(&again, word));
  assert_string_equal(again.host, name);
  r = (struct route){ .port = 65535, .named = 1, .local = 1, .lmtp = 1, .tls = ROUTE_TLS_NONE };
  memset(r.host, ';', ROUTE_SOCKET);
  *r.host = '/';
  assert_int_equal(route_fmt(word, &r), 1 + 3 * (ROUTE_SOCKET - 1) + 5);
  assert_true(route_scan(&again, word) && !strcmp(again.host, r.host));
  memmove(word + 1, word, strlen(word) + 1); /* "//...": a byte more than a socket's path has */
  assert_false(route_scan(&again, word));
  r = (struct route){ .port = 65535, .named = 1, .tls = ROUTE_TLS_VERIFY, .tls_now = 1 };
  strcpy(r.host, name);
  strcpy(r.name, name);
  memset(r.ca, '%', ROUTE_CA - 1);
  *r.ca = '/';
  assert_true(route_fmt(word, &r) < ROUTE_TEXT && route_scan(&again, word));
  same(&again, &r);
}

/* Records that relay-mkcdb did not make. */
static void malformed(void **state)
{
  static struct { char const *data; uint32_t len; } const rows[] = {
    { "", 0 }, { "a.example", 9 }, { "a.example", 10 }, { "a.example\0" "25", 12 }, { "a.example\0" "0", 12 },
    { "a.example\0" "65536", 16 }, { "a.example\0x", 12 }, { "a\0b\0c", 6 }, { "\0", 1 },
    { "a\0b\0", 4 }, { "h\0" "26\0" "no\0", 8 }, { "h\0\0tls=now\0", 11 }, { "h\0\0tls=may", 10 }, { "h\0\0\0", 4 },
    { "\0" "26\0lmtp\0", 9 }, { "/x\0\0tls=may\0", 12 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FILE *f = tmpfile();
    struct table_builder *b = table_build(fileno(f));
    struct route r;
    assert_int_equal(table_add(b, TABLE_ROUTES, "", 0, 1, rows[i].data, rows[i].len), 0);
    assert_int_equal(table_finish(b), 0);
    struct table_set *t = table_open_fd(fileno(f));
    assert_non_null(t);
    if (route_find(t, "b.example", &r) != -1) fail_msg("row %zu", i);
    table_close(t);
    fclose(f);
  }
  struct route r;
  assert_int_equal(route_find(0, "", &r), -1);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(found), cmocka_unit_test(scanned), cmocka_unit_test(longest), cmocka_unit_test(literals),
      cmocka_unit_test(malformed),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
