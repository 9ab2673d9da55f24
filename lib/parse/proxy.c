/* The PROXY header. */
#include <string.h>
#include "parse/number.h"
#include "parse/proxy.h"

#define V1_MAX 107    /* bytes of a version 1 header with CRLF */
#define V1_LEAST 15   /* bytes of the shortest header of all: "PROXY UNKNOWN\r\n" */
#define V2_HEAD 16    /* bytes of version 2 before the addresses */

static char const v1_signature[6] = "PROXY ";
static char const v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_status more(struct proxy *p, size_t want)
{
  *p = (struct proxy){ .want = want };
  return PROXY_MORE;
}

/* Bytes up to the next space of s[*pos..n), moved over with the space. Returns 0 when there is no field. */
static size_t field(char const *s, size_t n, size_t *pos, char const **f)
{
  char const *space = memchr(s + *pos, ' ', n - *pos);
  size_t len = space ? (size_t)(space - s) - *pos : n - *pos;
  *f = s + *pos;
  *pos += len + !!space;
  return len;
}

static int v1_port(char const *f, size_t n, uint16_t *port)
{
  uint64_t v;
  if (n > 5 || number_scan(f, n, 65535, &v) != NUMBER_OK || (n > 1 && f[0] == '0')) return 0;
  *port = (uint16_t)v;
  return 1;
}

/* What stands behind "PROXY ", without CRLF: "TCP4 src dst port port", TCP6, or UNKNOWN and anything. */
static int v1_fields(struct proxy *p, char const *s, size_t n)
{
  char const *f;
  size_t pos = 0, len = field(s, n, &pos, &f);
  if (len == 7 && !memcmp(f, "UNKNOWN", 7)) return 1;
  if (len != 4 || (memcmp(f, "TCP4", 4) && memcmp(f, "TCP6", 4))) return 0;
  int six = f[3] == '6';
  len = field(s, n, &pos, &f);
  if (!ip_scan(&p->src, f, len) || six != !!memchr(f, ':', len)) return 0;
  len = field(s, n, &pos, &f);
  if (!ip_scan(&p->dst, f, len) || six != !!memchr(f, ':', len)) return 0;
  len = field(s, n, &pos, &f);
  if (!v1_port(f, len, &p->src_port)) return 0;
  len = field(s, n, &pos, &f);
  if (!v1_port(f, len, &p->dst_port) || f + len != s + n) return 0;
  p->known = 1;
  return 1;
}

/* Bytes that a version 1 header that began with s[0..n), no CR in it, must still have: each field that is to come has a
 * space and a byte at least. */
static size_t v1_want(char const *s, size_t n)
{
  size_t fields = 0;
  if (n < V1_LEAST) return V1_LEAST - n;
  if (s[sizeof v1_signature] == 'T') {
    for (size_t i = sizeof v1_signature; i < n; i++) fields += s[i] == ' ';
    fields = fields < 4 ? 4 - fields : 0;
  }
  return 2 * fields + 2;
}

static enum proxy_status v1(struct proxy *p, char const *s, size_t n)
{
  size_t const head = sizeof v1_signature;
  char const *cr = memchr(s, '\r', n < V1_MAX ? n : V1_MAX);
  if (!cr) {
    size_t want = v1_want(s, n);
    return n + want > V1_MAX || memchr(s, '\n', n) ? PROXY_BAD : more(p, want);
  }
  size_t len = (size_t)(cr - s);
  if (len < head || len + 2 > V1_MAX || memchr(s, '\n', len) || memchr(s, 0, len)) return PROXY_BAD;
  if (!v1_fields(p, s + head, len - head)) return PROXY_BAD;
  if (n == len + 1) return more(p, 1);
  if (cr[1] != '\n') return PROXY_BAD;
  p->used = len + 2;
  return PROXY_DONE;
}

/* Addresses of `len` bytes each, then the ports. */
static void v2_addresses(struct proxy *p, uint8_t const *b, unsigned len)
{
  ip_set(&p->src, b, len);
  ip_set(&p->dst, b + len, len);
  b += 2 * len;
  p->src_port = (uint16_t)(b[0] << 8 | b[1]);
  p->dst_port = (uint16_t)(b[2] << 8 | b[3]);
  p->known = 1;
}

static enum proxy_status v2(struct proxy *p, char const *s, size_t n)
{
  if (n < V2_HEAD) return more(p, V2_HEAD - n);
  uint8_t const *b = (uint8_t const *)s;
  size_t len = (size_t)b[14] << 8 | b[15];
  if (b[12] >> 4 != 2 || (b[12] & 15) > 1 || V2_HEAD + len > PROXY_MAX) return PROXY_BAD;
  size_t need = 0;
  if (b[12] & 1) { /* PROXY, not LOCAL */
    switch (b[13]) {
      case 0x00: break;             /* unspecified */
      case 0x11: need = 12; break;  /* TCP over IPv4 */
      case 0x21: need = 36; break;  /* TCP over IPv6 */
      case 0x31: need = 216; break; /* Unix stream: no internet address to tell */
      default: return PROXY_BAD;
    }
  }
  if (len < need) return PROXY_BAD;
  if (n < V2_HEAD + len) return more(p, V2_HEAD + len - n);
  if (need == 12) v2_addresses(p, b + V2_HEAD, 4);
  if (need == 36) v2_addresses(p, b + V2_HEAD, 16);
  p->used = V2_HEAD + len;
  return PROXY_DONE;
}

enum proxy_status proxy_scan(struct proxy *p, char const *s, size_t n)
{
  *p = (struct proxy){ .used = 0 };
  if (!n) return more(p, V1_LEAST);
  size_t one = n < sizeof v1_signature ? n : sizeof v1_signature;
  size_t two = n < sizeof v2_signature ? n : sizeof v2_signature;
  if (!memcmp(s, v1_signature, one)) return v1(p, s, n);
  if (!memcmp(s, v2_signature, two)) return v2(p, s, n);
  return PROXY_BAD;
}
