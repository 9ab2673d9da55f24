/* lib/policy/gate: tcprules' order, CIDR against a plain walk over the rules, damaged rules. */
#include "rules_double.h"
#include "parse/domain.h"
#include "policy/gate.h"

/* In this order of lines nothing but the look-up order can give the lines that the cases want. */
static char const order[] =
  ":deny\n"                          /* 1 */
  "=:allow\n"                        /* 2 */
  "=.example:allow\n"                /* 3 */
  "=.host.example:allow\n"           /* 4 */
  "0.0.0.0/0:allow\n"                /* 5 */
  "10.0.0.0/8:allow\n"               /* 6 */
  "10.1.2.0/24:allow\n"              /* 7 */
  "10.5.:allow\n"                    /* 8 */
  "10.5.2.:allow\n"                  /* 9 */
  "=a.host.example:allow\n"          /* 10 */
  "10.5.2.1:allow\n"                 /* 11 */
  "joe@=a.host.example:allow\n"      /* 12 */
  "joe@10.5.2.1:allow\n"             /* 13 */
  "2001:db8::/32:allow\n"            /* 14 */
  "2001:db8:0:1::/64:allow\n"        /* 15 */
  "2001:db8::1:allow\n"              /* 16 */
  "joe@2001:db8::1:allow\n"          /* 17 */
  "10.1.2.3/32:allow\n"              /* 18 */
  "2001:db8::1/128:allow\n"          /* 19 */
  "2001:db8::2/128:allow\n";         /* 20 */

static struct { char const *ip, *host, *info; uint32_t line; } const cases[] = {
  { "10.5.2.1", "a.host.example", "joe", 13 }, { "10.5.2.2", "a.host.example", "joe", 12 },
  { "10.5.2.1", "a.host.example", "ann", 11 }, { "10.5.2.1", "a.host.example", 0, 11 }, { "10.5.2.1", 0, "joe", 13 },
  { "10.5.2.1", 0, "Joe", 11 }, { "10.5.2.1", 0, "", 11 }, { "10.5.2.1", 0, "joe@10.5.2.1", 11 },
  { "10.5.2.2", "a.host.example", 0, 10 }, { "10.5.2.2", "A.HOST.Example.", 0, 10 },
  { "10.5.2.2", "A.HOST.example", "joe", 12 },
  { "10.5.2.2", "b.host.example", 0, 9 }, { "10.5.2.255", 0, 0, 9 }, { "10.5.20.1", 0, 0, 8 }, { "10.5.3.1", 0, 0, 8 },
  { "10.1.2.3", 0, 0, 18 }, { "10.1.2.4", "b.host.example", 0, 7 }, { "10.1.3.4", 0, 0, 6 }, { "10.50.2.1", 0, 0, 6 },
  { "11.0.0.1", "b.host.example", 0, 5 }, { "11.0.0.1", "a.host.example", 0, 10 }, { "1.5.2.1", 0, 0, 5 },
  { "255.255.255.255", 0, 0, 5 }, { "0.0.0.0", 0, 0, 5 },
  { "2001:db8::1", 0, 0, 16 }, { "2001:db8::1", 0, "joe", 17 }, { "2001:db8::2", 0, 0, 20 },
  { "2001:db8:0:1::9", 0, 0, 15 },
  { "2001:db8::9", "b.host.example", "joe", 14 }, { "2001:db8::9", "a.host.example", "joe", 12 },
  { "2001:db9::", "b.host.example", 0, 4 }, { "2001:db9::", "x.b.host.example", 0, 4 },
  { "2001:db9::", "host.example", 0, 3 },
  { "2001:db9::", "hosts.EXAMPLE", 0, 3 }, { "2001:db9::", "example", 0, 2 }, { "2001:db9::", "other.test", 0, 2 },
  { "2001:db9::", "example.test", 0, 2 }, { "2001:db9::", "not a name", 0, 2 },
  { "2001:db9::", "\xff\xfe.Host.Example", 0, 4 },
  { "2001:db9::", "", 0, 1 }, { "2001:db9::", 0, "joe", 1 }, { "2001:db9::", ".", 0, 2 },
  { "2001:db9::", "..example", 0, 3 },
  { "", 0, 0, 1 }, { "", "a.host.example", 0, 10 }, { "", "a.host.example", "joe", 12 }, { "", 0, "joe", 1 },
  { "::ffff:10.5.2.1", 0, 0, 11 },
};

static void set_ip(struct ip *ip, char const *text)
{
  memset(ip, 0, sizeof *ip);
  if (*text) assert_true(ip_scan(ip, text, strlen(text)));
}

static void ordered(void **state)
{
  struct table_set *t = rules(order, 0, 0, 0, 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct ip ip;
    struct record r;
    set_ip(&ip, cases[i].ip);
    enum gate_verdict v = gate_find(t, &ip, cases[i].host, cases[i].info, &r);
    if (r.line != cases[i].line) print_error("case %zu, %s\n", i, cases[i].ip);
    assert_int_equal(r.line, cases[i].line);
    assert_string_equal(r.file, "clients");
    assert_int_equal(v, r.line == 1 ? GATE_DENY : GATE_ALLOW);
  }
  table_close(t);
}

/* Names and users of any length are no danger; too long ones count as none. */
static void long_names(void **state)
{
  struct table_set *t = rules("=:allow\n:deny\n=.e:allow\n10.:allow\n", 0, 0, 0, 0);
  static size_t const lengths[] = { 253, 254, 255, 256, 512, 513, 100000 };
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    char *name = malloc(lengths[i] + 1);
    struct ip ip;
    struct record r;
    memset(name, 'a', lengths[i]);
    name[lengths[i]] = 0;
    set_ip(&ip, "192.0.2.1");
    assert_int_equal(gate_find(t, &ip, name, name, &r), lengths[i] < DOMAIN_TEXT ? GATE_ALLOW : GATE_DENY);
    assert_int_equal(r.line, lengths[i] < DOMAIN_TEXT ? 1 : 2);
    set_ip(&ip, "10.0.0.1");
    assert_int_equal(gate_find(t, &ip, name, name, &r), GATE_ALLOW);
    assert_int_equal(r.line, 4);
    free(name);
  }
  table_close(t);
}

/* No rule: allowed, and nothing set; no table: never allowed. */
static void nothing(void **state)
{
  struct table_set *t = rules(0, 0, 0, 0, 0);
  struct ip ip;
  struct record r;
  char const *var;
  uint32_t pos = 0;
  set_ip(&ip, "192.0.2.1");
  assert_int_equal(gate_find(t, &ip, "a.example", "joe", &r), GATE_ALLOW);
  assert_int_equal(r.line, 0);
  assert_int_equal(gate_variable(&r, &pos, &var), 0);
  assert_int_equal(gate_find(0, &ip, 0, 0, &r), GATE_TEMPFAIL);
  table_close(t);
}

static void variables(void **state)
{
  struct table_set *t =
    rules("10.0.0.1:allow\n10.0.0.2:deny\n10.0.0.3:allow,A=\"\",BC=\"d=e\"\n10.0.0.4:deny,A=\"1\"\n", 0, 0, 0, 0);
  static char const *const wanted[] = { "", "", "A= BC=d=e ", "A=1 " };
  for (unsigned i = 0; i < 4; i++) {
    struct ip ip = { { 10, 0, 0, (uint8_t)(i + 1) }, 4 };
    struct record r;
    char got[64] = "";
    char const *var;
    uint32_t pos = 0;
    assert_int_equal(gate_find(t, &ip, 0, 0, &r), i % 2 ? GATE_DENY : GATE_ALLOW);
    while (gate_variable(&r, &pos, &var) > 0) strcat(strcat(got, var), " ");
    assert_string_equal(got, wanted[i]);
    assert_int_equal(gate_variable(&r, &pos, &var), 0);
  }
  table_close(t);
}

/* The data of a rule in a file that relay-mkcdb did not make. */
static void malformed(void **state)
{
  static struct { char const *data; uint32_t len; int first; enum gate_verdict v; } const rows[] = {
    { "", 0, 0, GATE_ALLOW }, { "D", 2, 0, GATE_DENY }, { "D", 1, -1, GATE_TEMPFAIL }, { "E", 2, -1, GATE_TEMPFAIL },
    { "DD", 3, -1, GATE_TEMPFAIL }, { "\0", 1, -1, GATE_TEMPFAIL }, { "+A=b", 5, 1, GATE_ALLOW },
    { "+A=b", 4, -1, GATE_ALLOW },
    { "+A", 3, -1, GATE_ALLOW }, { "+=b", 4, -1, GATE_ALLOW }, { "+", 1, -1, GATE_ALLOW }, { "+", 2, -1, GATE_ALLOW },
    { "D\0A=b", 6, -1, GATE_DENY }, { "D\0+A=b", 7, 1, GATE_DENY },
    { "+TCPREMOTEIP=b", 15, -1, GATE_ALLOW }, { "D\0+RELAYBY=", 12, -1, GATE_DENY },
    { "+RELAYBYE=", 11, 1, GATE_ALLOW }, { "A=b", 4, -1, GATE_TEMPFAIL },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FILE *f = tmpfile();
    struct table_builder *b = table_build(fileno(f));
    assert_int_equal(table_add(b, TABLE_CLIENTS, "", 0, 7, rows[i].data, rows[i].len), 0);
    assert_int_equal(table_finish(b), 0);
    struct table_set *t = table_open_fd(fileno(f));
    struct ip ip = { { 10 }, 4 };
    struct record r;
    char const *var;
    uint32_t pos = 0;
    assert_non_null(t);
    assert_int_equal(gate_find(t, &ip, 0, 0, &r), rows[i].v);
    assert_int_equal(gate_variable(&r, &pos, &var), rows[i].first);
    table_close(t);
    fclose(f);
  }
}

/* A list of prefix lengths that can't be right. */
static void bad_lengths(void **state)
{
  static struct { char const *key, *lengths; size_t n; } const rows[] = { { "/4", "\x21", 1 }, { "/6", "\x81", 1 },
  { "/6", "", 200 } };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char lengths[200] = { 0 };
    FILE *f = tmpfile();
    struct table_builder *b = table_build(fileno(f));
    memcpy(lengths, rows[i].lengths, strlen(rows[i].lengths));
    assert_int_equal(table_add(b, TABLE_CLIENTS, rows[i].key, 2, 0, lengths, rows[i].n), 0);
    assert_int_equal(table_finish(b), 0);
    struct table_set *t = table_open_fd(fileno(f));
    struct ip ip;
    struct record r;
    assert_non_null(t);
    set_ip(&ip, rows[i].key[1] == '4' ? "10.0.0.1" : "2001:db8::1");
    assert_int_equal(gate_find(t, &ip, 0, 0, &r), GATE_TEMPFAIL);
    set_ip(&ip, rows[i].key[1] == '6' ? "10.0.0.1" : "2001:db8::1");
    assert_int_equal(gate_find(t, &ip, 0, 0, &r), GATE_ALLOW);
    table_close(t);
    fclose(f);
  }
}

static uint32_t seed = 20250101;

static uint32_t any(uint32_t below)
{
  seed = seed * 1664525 + 1013904223;
  return (uint32_t)((uint64_t)seed * below >> 32);
}

/* An address from a small corner of the space, so that prefixes meet. */
static void any_ip(struct ip *ip, int six)
{
  memset(ip, 0, sizeof *ip);
  ip->len = six ? 16 : 4;
  for (unsigned i = 0; i < ip->len; i++) ip->b[i] = (uint8_t)(any(2) ? any(2) ? 128 : 0 : any(256));
  if (six) ip->b[0] = 0x20;
}

/* Random CIDR rules; who is right is found by going through them all. */
static void cidr(void **state)
{
  enum { RULES = 60 };
  for (unsigned round = 0; round < 60; round++) {
    struct ip prefix[RULES];
    unsigned bits[RULES], n = 0;
    stralloc text = STRALLOC_ZERO;
    while (n < RULES) {
      char ip[IP_TEXT], line[80];
      any_ip(prefix + n, (int)any(2));
      bits[n] = any(prefix[n].len * 8 + 1);
      ip_mask(prefix + n, bits[n]);
      unsigned k = 0;
      while (k < n && (bits[k] != bits[n] || memcmp(prefix + k, prefix + n, sizeof *prefix))) k++;
      if (k < n) continue;
      ip_fmt(ip, prefix + n);
      snprintf(line, sizeof line, "%s/%u:%s\n", ip, bits[n], n % 2 ? "deny" : "allow");
      assert_true(stralloc_cats(&text, line));
      n++;
    }
    assert_true(stralloc_0(&text));
    struct table_set *t = rules(text.s, 0, 0, 0, 0);
    for (unsigned i = 0; i < 300; i++) {
      struct ip ip, masked;
      struct record r;
      unsigned best = RULES;
      any_ip(&ip, (int)any(2));
      for (unsigned k = 0; k < RULES; k++) {
        if (prefix[k].len != ip.len) continue;
        masked = ip;
        ip_mask(&masked, bits[k]);
        if (!memcmp(&masked, prefix + k, sizeof masked) && (best == RULES || bits[k] > bits[best])) best = k;
      }
      enum gate_verdict v = gate_find(t, &ip, 0, 0, &r);
      assert_int_equal(r.line, best == RULES ? 0 : best + 1);
      assert_int_equal(v, best < RULES && best % 2 ? GATE_DENY : GATE_ALLOW);
    }
    table_close(t);
    stralloc_free(&text);
  }
}

/* Keys that are about addresses, read back. */
static void prefixes(void **state)
{
  static struct { char const *key, *ip; unsigned bits; int cidr; } const cases[] = {
    { "_", "0.0.0.0", 0, 1 }, { "^", "::", 0, 1 }, { "_00001010", "10.0.0.0", 8, 1 }, { "_1", "128.0.0.0", 1, 1 },
    { "^0010000000000001", "2001::", 16, 1 }, { "_11000000000000000000001000000001", "192.0.2.1", 32, 1 },
    { "10.", "10.0.0.0", 8, 0 }, { "10.1.", "10.1.0.0", 16, 0 }, { "192.168.255.", "192.168.255.0", 24, 0 },
    { "192.0.2.1", "192.0.2.1", 32, 0 }, { "2001:db8::1", "2001:db8::1", 128, 0 }, { "::", "::", 128, 0 },
    { "", 0, 0, 0 }, { "_2", 0, 0, 0 }, { "_110000000000000000000010000000010", 0, 0, 0 }, { "01", 0, 0, 0 },
    { ".", 0, 0, 0 }, { "256.", 0, 0, 0 }, { "10.1.2.3.", 0, 0, 0 }, { "010.", 0, 0, 0 }, { "10..", 0, 0, 0 },
    { "10.1", 0, 0, 0 }, { "2001:.", 0, 0, 0 }, { "=host.", 0, 0, 0 }, { "=", 0, 0, 0 }, { "u@192.0.2.1", 0, 0, 0 },
    { "_10.", 0, 0, 0 }, { "10.1.2.3.4.5.", 0, 0, 0 },
  }, *c;
  char key[GATE_CIDR], text[IP_TEXT];
  struct ip ip;
  unsigned bits = 1000;
  for (c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
    size_t n = strlen(c->key);
    int ok = gate_prefix_scan(&ip, &bits, c->key, n);
    if (ok != (c->ip != 0)) fail_msg("%s", c->key);
    if (ok) ip_fmt(text, &ip);
    if (ok && (bits != c->bits || strcmp(text, c->ip))) fail_msg("%s: %s %u", c->key, text, bits);
    if (gate_cidr_scan(&ip, &bits, c->key, n) != c->cidr) fail_msg("%s, as a prefix in bits", c->key);
    if (c->cidr && (gate_cidr_key(key, &ip, bits) != n || memcmp(key, c->key, n))) fail_msg("%s, and back", c->key);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(ordered), cmocka_unit_test(long_names), cmocka_unit_test(nothing), cmocka_unit_test(variables),
    cmocka_unit_test(malformed), cmocka_unit_test(bad_lengths), cmocka_unit_test(cidr),
    cmocka_unit_test(prefixes),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
