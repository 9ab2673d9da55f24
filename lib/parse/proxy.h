/* The PROXY header, versions 1 and 2 (haproxy's proxy-protocol.txt). Which peers may send one is the caller's
 * affair. */
#ifndef PARSE_PROXY_H
#define PARSE_PROXY_H

#include <stddef.h>
#include <stdint.h>
#include "parse/ip.h"

#define PROXY_MAX 4096 /* bytes of a header that we take; version 1 has 107 at most, version 2 could have 65551 */

enum proxy_status {
  PROXY_MORE = 0,  /* needs more */
  PROXY_DONE,
  PROXY_BAD,       /* no PROXY header, a malformed or a too long one: drop the connection */
};

struct proxy {
  size_t used;         /* PROXY_DONE: bytes of the header */
  size_t want;         /* PROXY_MORE: so many bytes more can be read without reading behind the header; 1 at least */
  unsigned known : 1;  /* addresses are given; 0: UNKNOWN, LOCAL or no internet addresses: take the connection's own */
  struct ip src, dst;  /* mapped addresses as IPv4; len 0 when not known */
  uint16_t src_port, dst_port;
};

/* Looks at s[0..n), the connection's first bytes. To read exactly, begin with n = 0 and read p->want bytes each time; a
 * buffer of PROXY_MAX bytes is enough. Any byte may occur. */
enum proxy_status proxy_scan(struct proxy *p, char const *s, size_t n);

#endif
