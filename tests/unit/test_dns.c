/* DNS: answers as bytes, good and hostile; the server's address; the order of exchangers and addresses; who is
 * ourselves. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <arpa/nameser.h>
#include "dns_bytes.h"
#include "unit.h"
#include "dns/addr.h"
#include "dns/mx.h"
#include "dns/self.h"

static void begin(char const *question, unsigned type, unsigned answers)
{
  len = 0;
  u16(4711); u16(0x8180); u16(1); u16(answers); u16(0); u16(0);
  name(question); u16(type); u16(1);
}

static size_t rr(char const *owner, unsigned type, unsigned class)
{
  name(owner); u16(type); u16(class); u16(0); u16(300); u16(0);
  return len;
}

static void end(size_t start)
{
  msg[start - 2] = (unsigned char)((len - start) >> 8);
  msg[start - 1] = (unsigned char)(len - start);
}

static void mx(char const *owner, unsigned preference, char const *host)
{
  size_t s = rr(owner, ns_t_mx, 1);
  u16(preference); name(host);
  end(s);
}

static void cname(char const *owner, char const *to)
{
  size_t s = rr(owner, ns_t_cname, 1);
  name(to);
  end(s);
}

static void address(char const *owner, unsigned type, void const *bytes, size_t n)
{
  size_t s = rr(owner, type, 1);
  memcpy(msg + len, bytes, n);
  len += n;
  end(s);
}

static struct mx_list l;
static struct address_list a;

static void mx_records(void **state)
{
  begin("example.com", ns_t_mx, 3);
  mx("example.com", 20, "B.example.net"); mx("EXAMPLE.com", 10, "a.example.net"); mx("other.example", 5,
    "evil.example");
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), 0);
  assert_int_equal(l.n, 2);
  mx_sort(&l);
  assert_string_equal(l.mx[0].host, "a.example.net");
  assert_int_equal(l.mx[0].preference, 10);
  assert_string_equal(l.mx[1].host, "b.example.net");
  assert_false(l.null || l.bad || l.more);
}

static void mx_null(void **state)
{
  begin("example.com", ns_t_mx, 1);
  mx("example.com", 0, "");
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), 0);
  assert_true(l.null && !l.n);
  /* beside others it means nothing (RFC 7505 3) */
  begin("example.com", ns_t_mx, 2);
  mx("example.com", 0, ""); mx("example.com", 10, "a.example");
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), 0);
  assert_true(!l.null && l.n == 1 && l.bad == 1);
}

static void mx_aliases(void **state)
{
  begin("www.example", ns_t_mx, 3);
  mx("real.example", 1, "m.example"); cname("mid.example", "real.example"); cname("www.example", "MID.example");
  assert_int_equal(dns_answer_mx(&l, "www.example", msg, len), 0);
  assert_int_equal(l.n, 1);
  begin("a.example", ns_t_mx, 2);
  cname("a.example", "b.example"); cname("b.example", "a.example");
  assert_int_equal(dns_answer_mx(&l, "a.example", msg, len), -1);
  begin("a.example", ns_t_mx, 1);
  cname("a.example", "nowhere.example");
  assert_int_equal(dns_answer_mx(&l, "a.example", msg, len), 0);
  assert_true(!l.n && !l.null && !l.bad);
  /* a chain of DNS_ALIASES is followed, one more is not */
  for (unsigned over = 0; over < 2; over++) {
    begin("c0.example", ns_t_mx, DNS_ALIASES + over);
    for (unsigned i = 0; i < DNS_ALIASES + over; i++) {
      char from[32], to[32];
      snprintf(from, sizeof from, "c%u.example", i);
      snprintf(to, sizeof to, "c%u.example", i + 1);
      cname(from, to);
    }
    assert_int_equal(dns_answer_mx(&l, "c0.example", msg, len), over ? -1 : 0);
  }
}

static void mx_names_that_are_none(void **state)
{
  begin("example.com", ns_t_mx, 4);
  mx("example.com", 10, "bad name.example"); mx("example.com", 10, "a\\.b"); mx("example.com", 10, "\344\366.example");
  mx("example.com", 10, "ok_1.example");
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), 0);
  assert_int_equal(l.n + l.bad, 4);
  assert_int_equal(l.n, 1);
  assert_string_equal(l.mx[0].host, "ok_1.example");
}

/* Of too many the best are kept. */
static void mx_many(void **state)
{
  begin("example.com", ns_t_mx, 1000);
  for (unsigned i = 0; i < 1000; i++) {
    char host[32];
    snprintf(host, sizeof host, "m%u.example", i);
    mx("example.com", 1000 - i, host);
  }
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), 0);
  assert_int_equal(l.n, DNS_MX);
  assert_true(l.more > 0);
  mx_sort(&l);
  for (unsigned i = 0; i < DNS_MX; i++) assert_int_equal(l.mx[i].preference, i + 1);
}

static void mx_order(void **state)
{
  memset(&l, 0, sizeof l);
  l.n = 4;
  l.mx[0] = (struct mx){ 20, 1, "d" };
  l.mx[1] = (struct mx){ 10, 9, "c" };
  l.mx[2] = (struct mx){ 10, 3, "b" };
  l.mx[3] = (struct mx){ 0, 7, "a" };
  mx_sort(&l);
  for (unsigned i = 0; i < 4; i++) assert_int_equal(l.mx[i].host[0], 'a' + i);
}

/* Every truncation, and every byte turned into others: never a crash or an endless loop, at most the limits. */
static void damaged(void **state)
{
  static unsigned char copy[1000];
  static unsigned char const values[] = { 0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff };
  begin("example.com", ns_t_mx, 3);
  cname("example.com", "b.example"); mx("b.example", 20, "B.example.net"); mx("b.example", 10, "a.example.net");
  size_t n = len;
  memcpy(copy, msg, n);
  for (size_t i = 0; i < n; i++) assert_int_equal(dns_answer_mx(&l, "example.com", msg, i), -1);
  for (size_t i = 0; i < n; i++) {
    for (size_t v = 0; v < sizeof values; v++) {
      memcpy(msg, copy, n);
      msg[i] = values[v];
      if (dns_answer_mx(&l, "example.com", msg, n) == 0) assert_true(l.n <= DNS_MX);
    }
  }
}

/* A name that points at itself, and counts that promise more than there is. */
static void hostile(void **state)
{
  begin("example.com", ns_t_mx, 1);
  size_t s = rr("example.com", ns_t_mx, 1);
  u16(1); u16(0xc000 | (unsigned)len);
  end(s);
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), -1);
  begin("example.com", ns_t_mx, 1);
  s = rr("example.com", ns_t_mx, 1);
  u16(1); u16(0xffff);
  end(s);
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), -1);
  begin("example.com", ns_t_mx, 65535);
  mx("example.com", 1, "a.example");
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), -1);
  begin("example.com", ns_t_mx, 1);
  s = rr("example.com", ns_t_mx, 1);
  msg[len++] = 1;
  end(s);
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), -1);
  /* another class is no answer */
  begin("example.com", ns_t_mx, 1);
  s = rr("example.com", ns_t_mx, 3);
  u16(1); name("a.example");
  end(s);
  assert_int_equal(dns_answer_mx(&l, "example.com", msg, len), 0);
  assert_int_equal(l.n, 0);
}

static void addresses(void **state)
{
  static unsigned char const mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 };
  static unsigned char const v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
  char text[IP_TEXT];
  a.n = 0;
  begin("h.example", ns_t_aaaa, 3);
  address("h.example", ns_t_aaaa, mapped, 16); address("h.example", ns_t_aaaa, v6, 16); address("h.example", ns_t_aaaa,
    v6, 16);
  assert_int_equal(dns_answer_addresses(&a, "h.example", ns_t_aaaa, msg, len), 0);
  assert_int_equal(a.n, 2);
  ip_fmt(text, &a.ip[0]);
  assert_string_equal(text, "127.0.0.1");
  begin("h.example", ns_t_a, 2);
  address("h.example", ns_t_a, "\300\0\2\1", 4); address("x.example", ns_t_a, "\300\0\2\2", 4);
  assert_int_equal(dns_answer_addresses(&a, "h.example", ns_t_a, msg, len), 0);
  assert_int_equal(a.n, 3);
  ip_fmt(text, &a.ip[2]);
  assert_string_equal(text, "192.0.2.1");
  begin("h.example", ns_t_a, 1);
  address("h.example", ns_t_a, "\300\0\2\1\1", 5);
  assert_int_equal(dns_answer_addresses(&a, "h.example", ns_t_a, msg, len), -1);
  begin("h.example", ns_t_aaaa, 1);
  address("h.example", ns_t_aaaa, v6, 4);
  assert_int_equal(dns_answer_addresses(&a, "h.example", ns_t_aaaa, msg, len), -1);
}

static void many_addresses(void **state)
{
  a.n = 0;
  begin("h.example", ns_t_a, 200);
  for (unsigned i = 0; i < 200; i++) {
    unsigned char b[4] = { 10, 0, 0, (unsigned char)i };
    address("h.example", ns_t_a, b, 4);
  }
  assert_int_equal(dns_answer_addresses(&a, "h.example", ns_t_a, msg, len), 0);
  assert_true(a.n == DNS_ADDRESSES && a.more == 200 - DNS_ADDRESSES);
  for (unsigned over = 0; over < 2; over++) { /* one twice is one */
    a.n = a.more = 0;
    begin("h.example", ns_t_a, DNS_ADDRESSES + 1 + over);
    for (unsigned i = 0; i <= DNS_ADDRESSES + over; i++) {
      unsigned char b[4] = { 10, 0, 0, (unsigned char)(i ? i : 1) };
      address("h.example", ns_t_a, b, 4);
    }
    assert_int_equal(dns_answer_addresses(&a, "h.example", ns_t_a, msg, len), 0);
    assert_true(a.n == DNS_ADDRESSES && a.more == over);
  }
}

static void interleaving(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "", "" }, { "4", "4" }, { "6", "6" }, { "64", "64" }, { "46", "64" }, { "666", "666" }, { "6664", "6466" },
    { "66444", "64644" }, { "444", "444" },
  }, *c;
  EACH_CASE(c, cases) {
    char out[20] = "";
    a.n = (unsigned)strlen(c->in);
    for (unsigned i = 0; i < a.n; i++) a.ip[i] = (struct ip){ .b = { (unsigned char)i },
      .len = c->in[i] == '4' ? 4 : 16 };
    addr_interleave(&a);
    assert_int_equal(a.n, strlen(c->in));
    for (unsigned i = 0; i < a.n; i++) out[i] = a.ip[i].len == 4 ? '4' : '6';
    assert_string_equal(out, c->out);
  }
}

static void server_addresses(void **state)
{
  static struct { char const *in, *ip; unsigned port; } const cases[] = {
    { "192.0.2.1", "192.0.2.1", 53 }, { "192.0.2.1:5353", "192.0.2.1", 5353 }, { "::1", "::1", 53 }, { "[::1]", "::1",
      53 },
    { "[::1]:65535", "::1", 65535 }, { "2001:db8::53", "2001:db8::53", 53 }, { "[192.0.2.1]:1", "192.0.2.1", 1 },
    { "", 0, 0 }, { "192.0.2.1:", 0, 0 }, { "192.0.2.1:0", 0, 0 }, { "192.0.2.1:65536", 0, 0 }, { "192.0.2.1:5x", 0,
      0 },
    { "[::1", 0, 0 }, { "[::1]x", 0, 0 }, { "[::1]:", 0, 0 }, { "[]", 0, 0 }, { "dns.example", 0, 0 }, { "192.0.2.1 ",
      0, 0 },
    { "192.0.2.1:99999999999999999999", 0, 0 }, { ":53", 0, 0 }, { "192.0.2.1:-5", 0, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct ip ip;
    uint16_t port;
    char text[IP_TEXT];
    CHECK(resolver_server(&ip, &port, c->in) == !!c->ip, "%s", c->in);
    if (!c->ip) continue;
    ip_fmt(text, &ip);
    assert_string_equal(text, c->ip);
    assert_int_equal(port, c->port);
  }
}

static void ourselves(void **state)
{
  static struct { char const *ip; int self, never; } const cases[] = {
    { "127.0.0.1", 1, 0 }, { "127.255.255.254", 1, 0 }, { "::1", 1, 0 }, { "::ffff:127.0.0.1", 1, 0 }, { "198.51.100.7",
      1, 0 },
    { "2001:db8::7", 1, 0 }, { "198.51.100.8", 0, 0 }, { "2001:db8::8", 0, 0 }, { "128.0.0.1", 0, 0 },
    { "0.0.0.0", 0, 1 }, { "0.1.2.3", 0, 1 }, { "::", 0, 1 }, { "::ffff:0.0.0.0", 0, 1 }, { "224.0.0.1", 0, 1 },
    { "255.255.255.255", 0, 1 }, { "ff02::1", 0, 1 }, { "223.255.255.255", 0, 0 }, { "::2", 0, 0 },
  }, *c;
  struct ip mine[2];
  struct self self = { .ip = mine, .n = 2 };
  assert_true(ip_scan(&mine[0], "198.51.100.7", 12) && ip_scan(&mine[1], "2001:db8::7", 11));
  EACH_CASE(c, cases) {
    struct ip ip;
    assert_true(ip_scan(&ip, c->ip, strlen(c->ip)));
    CHECK(self_has(&self, &ip) == c->self, "%s", c->ip);
    CHECK(self_never(&ip) == c->never, "%s", c->ip);
  }
  /* mapped forms that did not come through ip_scan */
  struct ip mapped = { .b = { [10] = 0xff, [11] = 0xff, [12] = 198, [13] = 51, [14] = 100, [15] = 7 }, .len = 16 };
  assert_true(self_has(&self, &mapped));
  struct ip none = { .len = 0 };
  assert_true(self_never(&none));
}

static void own_addresses(void **state)
{
  struct self self;
  struct ip lo;
  assert_int_equal(self_load(&self), 0);
  assert_true(ip_scan(&lo, "127.0.0.1", 9));
  assert_true(self.n >= 1 && self_has(&self, &lo));
  self_free(&self);
  assert_int_equal(self.n, 0);
}

static void resolver_setup(void **state)
{
  struct resolver r;
  assert_int_equal(resolver_init(&r, "nonsense", 0), -1);
  assert_int_equal(resolver_init(&r, "[::1]:5", 0), 0);
  assert_int_equal(r.state.nscount, 1);
  resolver_free(&r);
  assert_int_equal(resolver_init(&r, "127.0.0.1:5", 0), 0);
  assert_int_equal(r.state.nscount, 1);
  resolver_free(&r);
  assert_int_equal(resolver_init(&r, "", 0), 0);
  resolver_free(&r);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(mx_records), cmocka_unit_test(mx_null), cmocka_unit_test(mx_aliases),
      cmocka_unit_test(mx_names_that_are_none),
    cmocka_unit_test(mx_many), cmocka_unit_test(mx_order), cmocka_unit_test(damaged), cmocka_unit_test(hostile),
    cmocka_unit_test(addresses), cmocka_unit_test(many_addresses), cmocka_unit_test(interleaving),
      cmocka_unit_test(server_addresses),
    cmocka_unit_test(ourselves), cmocka_unit_test(own_addresses), cmocka_unit_test(resolver_setup),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
