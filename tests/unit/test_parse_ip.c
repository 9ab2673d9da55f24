/* Addresses: text in, canonical text out, masks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "unit.h"
#include "parse/ip.h"

static void texts(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "0.0.0.0", "0.0.0.0" }, { "255.255.255.255", "255.255.255.255" }, { "192.0.2.1", "192.0.2.1" },
    { "10.20.30.140", "10.20.30.140" }, { "1.2.3.100", "1.2.3.100" },
    { "256.1.1.1", 0 }, { "1.1.1.256", 0 }, { "1.2.3", 0 }, { "1.2.3.4.5", 0 }, { "1.2.3.", 0 }, { ".1.2.3", 0 },
    { "1..2.3", 0 }, { "01.2.3.4", 0 }, { "1.2.3.00", 0 }, { "0x1.2.3.4", 0 }, { "1.2.3.4 ", 0 }, { " 1.2.3.4", 0 },
    { "1.2.3.-4", 0 }, { "1.2.3.+4", 0 }, { "1.2.3.1000", 0 }, { "2130706433", 0 }, { "127.1", 0 }, { "", 0 },
    { "1.2.3.4/8", 0 }, { "a.b.c.d", 0 },
    { "::", "::" }, { "::1", "::1" }, { "1::", "1::" }, { "2001:db8::1", "2001:db8::1" },
    { "2001:DB8:0:0:0:0:0:1", "2001:db8::1" }, { "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
    { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" }, { "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
    { "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" }, { "1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8" },
    { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" }, { "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
    { "0:0:1:0:0:0:0:0", "0:0:1::" }, { "fe80::", "fe80::" }, { "::192.0.2.1", "::c000:201" },
    { "64:ff9b::192.0.2.33", "64:ff9b::c000:221" }, { "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
    { "::ffff:192.0.2.1", "192.0.2.1" }, { "::FFFF:c000:0201", "192.0.2.1" },
    { "0:0:0:0:0:ffff:127.0.0.1", "127.0.0.1" }, { "0000::ffff:7f00:1", "127.0.0.1" },
    { "::ffff:0:1.2.3.4", "::ffff:0:102:304" },
    { ":", 0 }, { ":::", 0 }, { "1:::2", 0 }, { "1::2::3", 0 }, { "::1::2", 0 }, { ":1", 0 }, { "1:", 0 },
    { "::1:", 0 },
    { "12345::", 0 },
    { "1:2:3:4:5:6:7", 0 }, { "1:2:3:4:5:6:7:8:9", 0 }, { "1::2:3:4:5:6:7:8", 0 }, { "1:2:3:4:5:6:7:8::", 0 },
    { "::1:2:3:4:5:6:7:8", 0 }, { "fe80::1%eth0", 0 }, { "fe80::1%25", 0 }, { "::g", 0 }, { "[::1]", 0 },
    { "::1.2.3", 0 },
    { "1.2.3.4::", 0 }, { "::1.2.3.4:5", 0 }, { "1:2:3:4:5:6:7:1.2.3.4", 0 }, { "::01.2.3.4", 0 },
    { "::ffff:256.1.1.1", 0 },
    { "::1/128", 0 }, { " ::1", 0 }, { "0000:0000:0000:0000:0000:ffff:255.255.255.2550", 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct ip ip;
    char text[IP_TEXT];
    memset(&ip, 0x5a, sizeof ip);
    size_t len = strlen(c->in);
    char *exact = malloc(len + !len); /* so that a byte read behind it is seen */
    memcpy(exact, c->in, len);
    int r = ip_scan(&ip, exact, len);
    free(exact);
    CHECK(r == !!c->out, "%s", c->in);
    if (!r) continue;
    CHECK(ip_fmt(text, &ip) == strlen(c->out) && !strcmp(text, c->out), "%s -> %s", c->in, text);
    for (size_t i = ip.len; i < 16; i++) CHECK(!ip.b[i], "%s: not cleared", c->in);
  }
  struct ip ip;
  assert_false(ip_scan(&ip, "1.2.3.4\0", 8));
  assert_false(ip_scan(&ip, "::1\0", 4));
  assert_true(ip_scan(&ip, "1.2.3.45", 7)); /* not a byte more than told */
  assert_int_equal(ip.b[3], 4);
  ip.len = 0;
  char text[IP_TEXT];
  assert_int_equal(ip_fmt(text, &ip), 0);
  assert_string_equal(text, "");
}

/* The longest text fits, and everything written is read back as the same; the system's parser agrees. */
static void round_trip(void **state)
{
  srand(7);
  for (int i = 0; i < 20000; i++) {
    uint8_t b[16];
    struct ip ip, again;
    char text[IP_TEXT];
    struct in6_addr in;
    for (int k = 0; k < 16; k++) b[k] = rand() % 3 ? 0 : (uint8_t)rand();
    ip_set(&ip, b, i % 5 ? 16 : 4);
    size_t n = ip_fmt(text, &ip);
    assert_true(n < IP_TEXT && strlen(text) == n);
    assert_true(ip_scan(&again, text, n));
    assert_memory_equal(&ip, &again, sizeof ip);
    assert_int_equal(inet_pton(ip.len == 4 ? AF_INET : AF_INET6, text, &in), 1);
    assert_memory_equal(&in, ip.b, ip.len);
  }
}

static void masks(void **state)
{
  struct ip ip;
  static struct { char const *in; unsigned bits; char const *out; int cut; } const cases[] = {
    { "192.0.2.255", 32, "192.0.2.255", 0 }, { "192.0.2.255", 31, "192.0.2.254", 1 },
    { "192.0.2.0", 24, "192.0.2.0", 0 },
    { "192.0.2.1", 24, "192.0.2.0", 1 }, { "255.255.255.255", 1, "128.0.0.0", 1 },
    { "255.255.255.255", 0, "0.0.0.0", 1 },
    { "255.255.255.255", 9, "255.128.0.0", 1 }, { "1.2.3.4", 128, "1.2.3.4", 0 }, { "0.0.0.0", 0, "0.0.0.0", 0 },
    { "2001:db8::1", 128, "2001:db8::1", 0 }, { "2001:db8::1", 127, "2001:db8::", 1 },
    { "2001:db8::", 32, "2001:db8::", 0 },
    { "2001:db8::", 28, "2001:db0::", 1 }, { "ffff::", 0, "::", 1 }, { "::", 0, "::", 0 },
  }, *c;
  EACH_CASE(c, cases) {
    char text[IP_TEXT];
    assert_true(ip_scan(&ip, c->in, strlen(c->in)));
    int cut = ip_mask(&ip, c->bits);
    ip_fmt(text, &ip);
    CHECK(cut == c->cut && !strcmp(text, c->out), "%s/%u -> %s, %d", c->in, c->bits, text, cut);
  }
}

static void sockaddrs(void **state)
{
  struct ip ip;
  uint16_t port;
  char text[IP_TEXT];
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(2525), .sin_addr.s_addr = htonl(0xc0000201) };
  assert_true(ip_from_sockaddr(&ip, &port, (struct sockaddr *)&in));
  ip_fmt(text, &ip);
  assert_string_equal(text, "192.0.2.1");
  assert_int_equal(port, 2525);
  struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(65535) };
  assert_int_equal(inet_pton(AF_INET6, "2001:db8::25", &six.sin6_addr), 1);
  assert_true(ip_from_sockaddr(&ip, &port, (struct sockaddr *)&six));
  ip_fmt(text, &ip);
  assert_string_equal(text, "2001:db8::25");
  assert_int_equal(port, 65535);
  assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &six.sin6_addr), 1);
  assert_true(ip_from_sockaddr(&ip, &port, (struct sockaddr *)&six));
  ip_fmt(text, &ip);
  assert_string_equal(text, "192.0.2.7");
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  assert_false(ip_from_sockaddr(&ip, &port, (struct sockaddr *)&un));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(texts), cmocka_unit_test(round_trip), cmocka_unit_test(masks), cmocka_unit_test(sockaddrs),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
