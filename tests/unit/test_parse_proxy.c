/* PROXY headers: read exactly, cut everywhere, malformed in every way. */
#include <stdlib.h>
#include "unit.h"
#include "parse/proxy.h"

#define IN(s) s, sizeof s - 1
#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\0\2\1\xc6\x33\x64\2\xd4\x31\0\x19"  /* 192.0.2.1, 198.51.100.2, 54321, 25 */
#define ADDR6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"
#define Z8 "\0\0\0\0\0\0\0\0"
#define Z36 Z8 Z8 Z8 Z8 "\0\0\0\0"
#define Z216 Z36 Z36 Z36 Z36 Z36 Z36
#define FULL "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

static struct proxy_case {
  char const *in;
  size_t n;
  char const *src, *dst;   /* null: complete, but addresses aren't known */
  unsigned src_port, dst_port;
} const good[] = {
  { IN("PROXY TCP4 192.0.2.1 198.51.100.2 54321 25\r\n"), "192.0.2.1", "198.51.100.2", 54321, 25 },
  { IN("PROXY TCP6 2001:db8::1 2001:DB8::2 0 65535\r\n"), "2001:db8::1", "2001:db8::2", 0, 65535 },
  { IN("PROXY TCP6 :: :: 1 1\r\n"), "::", "::", 1, 1 },
  { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n"), "1.1.1.1", "1.1.1.1", 1, 1 },
  { IN("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n"), "192.0.2.1", "192.0.2.2", 1, 2 },
  { IN("PROXY TCP6 " FULL " " FULL " 65535 65535\r\n"), FULL, FULL, 65535, 65535 },
  { IN("PROXY UNKNOWN\r\n"), 0, 0, 0, 0 },
  { IN("PROXY UNKNOWN " FULL " " FULL " 65535 65535\r\n"), 0, 0, 0, 0 }, /* 107 */
  { IN("PROXY UNKNOWN any thing\r\n"), 0, 0, 0, 0 },
  { IN(SIG "\x21\x11\0\x0c" V4), "192.0.2.1", "198.51.100.2", 54321, 25 },
  { IN(SIG "\x21\x11\0\x10" V4 "\4\0\1x"), "192.0.2.1", "198.51.100.2", 54321, 25 },
  { IN(SIG "\x21\x21\0\x24" ADDR6 "\1" ADDR6 "\2\0\1\xff\xff"), "2001:db8::1", "2001:db8::2", 1, 65535 },
  { IN(SIG "\x21\x21\0\x24" MAPPED MAPPED "\0\1\0\2"), "192.0.2.1", "192.0.2.1", 1, 2 },
  { IN(SIG "\x20\0\0\0"), 0, 0, 0, 0 }, { IN(SIG "\x20\x11\0\x0c" V4), 0, 0, 0, 0 },
  { IN(SIG "\x20\xff\0\3abc"), 0, 0, 0, 0 },
  { IN(SIG "\x21\0\0\0"), 0, 0, 0, 0 }, { IN(SIG "\x21\0\0\5hello"), 0, 0, 0, 0 },
  { IN(SIG "\x21\x31\0\xd8" Z216), 0, 0, 0, 0 },
};

static void check(struct proxy_case const *c, struct proxy const *p)
{
  char text[IP_TEXT];
  CHECK(p->used == c->n, "%s: used %zu", c->in, p->used);
  CHECK(p->known == !!c->src, "%s: known %d", c->in, p->known);
  ip_fmt(text, &p->src);
  CHECK(!strcmp(text, c->src ? c->src : ""), "%s: src %s", c->in, text);
  ip_fmt(text, &p->dst);
  CHECK(!strcmp(text, c->dst ? c->dst : ""), "%s: dst %s", c->in, text);
  CHECK(p->src_port == c->src_port && p->dst_port == c->dst_port, "%s: ports %u %u", c->in, p->src_port, p->dst_port);
}

static void complete(void **state)
{
  struct proxy_case const *c;
  EACH_CASE(c, good) {
    struct proxy p;
    char buf[600];
    for (size_t n = 0; n < c->n; n++) { /* no more is wanted than is the header's */
      char *exact = malloc(n ? n : 1);
      memcpy(exact, c->in, n);
      CHECK(proxy_scan(&p, exact, n) == PROXY_MORE, "%s cut to %zu", c->in, n);
      CHECK(p.want >= 1 && p.want <= c->n - n, "%s cut to %zu: wants %zu", c->in, n, p.want);
      free(exact);
    }
    CHECK(proxy_scan(&p, c->in, c->n) == PROXY_DONE, "%s", c->in);
    check(c, &p);
    memcpy(buf, c->in, c->n);
    memcpy(buf + c->n, "EHLO x\r\n", 8);
    CHECK(proxy_scan(&p, buf, c->n + 8) == PROXY_DONE, "%s and more", c->in);
    check(c, &p);
    size_t have = 0, reads = 0; /* exact reading ends at the header's end */
    while (proxy_scan(&p, c->in, have) == PROXY_MORE) have += p.want, reads++;
    CHECK(have == c->n && p.used == c->n && reads < 50, "%s: read %zu in %zu", c->in, have, reads);
  }
}

static void malformed(void **state)
{
  static struct { char const *in; size_t n; } const bad[] = {
    { IN("EHLO x\r\n") }, { IN("proxy TCP4") }, { IN("PROXY\n") }, { IN("PROXYTCP4") }, { IN("X") }, { IN("\n") },
    { IN("\0") }, { IN("\r\n\r\n\0\r\nQUIX") },
    { IN("PROXY \r\n") }, { IN("PROXY\r\n") }, { IN("PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n") },
    { IN("PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n") },
    { IN("PROXY TCP 1.1.1.1 1.1.1.1 1 1\r\n") }, { IN("PROXY TCP4\r\n") }, { IN("PROXY TCP4 1.1.1.1\r\n") },
    { IN("PROXY TCP4 1.1.1.1 1.1.1.1\r\n") },
    { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n") }, { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1 \r\n") },
    { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n") },
    { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n") }, { IN("PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n") },
    { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n") },
    { IN("PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n") }, { IN("PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n") },
    { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1 100000\r\n") },
    { IN("PROXY TCP4 1.1.1.01 1.1.1.1 1 1\r\n") }, { IN("PROXY TCP4 ::1 ::1 1 1\r\n") },
    { IN("PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n") },
    { IN("PROXY TCP6 ::1 1.1.1.1 1 1\r\n") }, { IN("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n") }, { IN("PROXY UNKNOWN\n") },
    { IN("PROXY UNKNOWNX\r\n") },
    { IN("PROXY UNKNOWN \r x\r\n") }, { IN("PROXY UNKNOWN \0\r\n") }, { IN("PROXY unknown\r\n") },
    { IN("PROXY UNKNOWN\r\r") },
    { IN("PROXY UNKNOWN " FULL " " FULL " 65535 655350\r\n") }, /* 108 */
    { IN("PROXY UNKNOWN " FULL " " FULL " 65535 655355") }, /* no CRLF within 107 */
    { IN(SIG "\x11\x11\0\x0c") }, { IN(SIG "\x31\x11\0\x0c") }, { IN(SIG "\x22\x11\0\x0c") },
    { IN(SIG "\x2f\x11\0\x0c") }, { IN(SIG "\x21\x11\0\x0b") },
    { IN(SIG "\x21\x21\0\x23") }, { IN(SIG "\x21\x31\0\xd7") }, { IN(SIG "\x21\x12\0\x0c") },
    { IN(SIG "\x21\x22\0\x24") }, { IN(SIG "\x21\x41\0\x24") },
    { IN(SIG "\x21\x10\0\x0c") }, { IN(SIG "\x21\x01\0\x0c") },
    { IN(SIG "\x21\x11\x0f\xf1") }, /* 4097 */ { IN(SIG "\x20\0\xff\xff") },
  }, *c;
  EACH_CASE(c, bad) {
    struct proxy p;
    char *exact = malloc(c->n);
    memcpy(exact, c->in, c->n);
    CHECK(proxy_scan(&p, exact, c->n) == PROXY_BAD, "case %zu: %s", (size_t)(c - bad), c->in);
    free(exact);
  }
  struct proxy p;
  assert_int_equal(proxy_scan(&p, IN(SIG "\x21\x11\x0f\xf0")), PROXY_MORE); /* 4096 */
  assert_int_equal(p.want, PROXY_MAX - 16);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(complete), cmocka_unit_test(malformed) };
  return cmocka_run_group_tests(tests, 0, 0);
}
