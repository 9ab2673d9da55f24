/* IP addresses and prefixes. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "parse/ip.h"

static unsigned char const mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

void ip_set(struct ip *ip, uint8_t const *b, unsigned len)
{
  *ip = (struct ip){ .len = (uint8_t)len };
  if (len == 16 && !memcmp(b, mapped, sizeof mapped)) {
    ip->len = 4;
    b += sizeof mapped;
  }
  memcpy(ip->b, b, ip->len);
}

/* A decimal number 0 to 255 without leading zeros at s[*pos..n), moved over. Returns it, or -1. */
static int octet(char const *s, size_t n, size_t *pos)
{
  size_t start = *pos;
  int v = 0;
  while (*pos < n && s[*pos] >= '0' && s[*pos] <= '9') {
    v = 10 * v + (s[*pos] - '0');
    if (++*pos - start > 3) return -1;
  }
  if (*pos == start || v > 255 || (s[start] == '0' && *pos - start > 1)) return -1;
  return v;
}

/* All of s[0..n) as four numbers between dots. Returns 1, or 0. */
static int quad(uint8_t b[4], char const *s, size_t n)
{
  size_t pos = 0;
  for (int i = 0; i < 4; i++) {
    if (i && (pos >= n || s[pos++] != '.')) return 0;
    int v = octet(s, n, &pos);
    if (v < 0) return 0;
    b[i] = (uint8_t)v;
  }
  return pos == n;
}

static int hex(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* All of s[0..n) as RFC 4291 2.2 has it: up to eight groups of hex digits, `::` once for zeros, the last two groups
 * perhaps as a dotted quad. `gap` is the byte at which `::` stood, or -1. Returns 1, or 0. */
static int groups(uint8_t b[16], char const *s, size_t n)
{
  int have = 0, gap = -1;
  size_t pos = 0;
  memset(b, 0, 16);
  if (n >= 2 && s[0] == ':' && s[1] == ':') {
    gap = 0;
    pos = 2;
  }
  while (pos < n) {
    unsigned v = 0;
    size_t start = pos;
    for (; pos < n && hex(s[pos]) >= 0; pos++) {
      if (pos - start == 4) return 0;
      v = v << 4 | (unsigned)hex(s[pos]);
    }
    if (pos < n && s[pos] == '.') {
      if (have > 12 || !quad(b + have, s + start, n - start)) return 0;
      have += 4;
      break;
    }
    if (pos == start || have == 16) return 0;
    b[have++] = (uint8_t)(v >> 8);
    b[have++] = (uint8_t)v;
    if (pos == n) break;
    if (s[pos++] != ':' || pos == n) return 0;
    if (s[pos] == ':') {
      if (gap >= 0) return 0;
      gap = have;
      pos++;
    }
  }
  if (gap < 0) return have == 16;
  if (have > 14) return 0;
  memmove(b + 16 - (have - gap), b + gap, (size_t)(have - gap));
  memset(b + gap, 0, (size_t)(16 - have));
  return 1;
}

int ip_scan(struct ip *ip, char const *s, size_t n)
{
  uint8_t b[16];
  if (n >= IP_TEXT) return 0;
  if (!memchr(s, ':', n)) {
    if (!quad(b, s, n)) return 0;
    ip_set(ip, b, 4);
    return 1;
  }
  if (!groups(b, s, n)) return 0;
  ip_set(ip, b, 16);
  return 1;
}

static size_t fmt_quad(char *out, uint8_t const *b)
{
  size_t n = 0;
  for (int i = 0; i < 4; i++) {
    if (i) out[n++] = '.';
    if (b[i] >= 100) out[n++] = (char)('0' + b[i] / 100);
    if (b[i] >= 10) out[n++] = (char)('0' + b[i] / 10 % 10);
    out[n++] = (char)('0' + b[i] % 10);
  }
  return n;
}

static size_t fmt_group(char *out, unsigned v)
{
  size_t n = 0;
  int shift = 12;
  while (shift && !(v >> shift)) shift -= 4;
  for (; shift >= 0; shift -= 4) out[n++] = "0123456789abcdef"[v >> shift & 15];
  return n;
}

/* RFC 5952 4: lower case, no leading zeros, `::` for the first longest run of two or more zero groups. */
static size_t fmt_groups(char *out, uint8_t const *b)
{
  unsigned g[8];
  int best = -1, best_len = 1, run = 0;
  for (int i = 0; i < 8; i++) {
    g[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
    run = g[i] ? 0 : run + 1;
    if (run > best_len) {
      best_len = run;
      best = i + 1 - run;
    }
  }
  size_t n = 0;
  for (int i = 0; i < 8; i++) {
    if (i == best) {
      out[n++] = ':';
      out[n++] = ':';
      i += best_len - 1;
      continue;
    }
    if (n && out[n - 1] != ':') out[n++] = ':';
    n += fmt_group(out + n, g[i]);
  }
  return n;
}

size_t ip_fmt(char out[IP_TEXT], struct ip const *ip)
{
  size_t n = ip->len == 4 ? fmt_quad(out, ip->b) : ip->len == 16 ? fmt_groups(out, ip->b) : 0;
  out[n] = 0;
  return n;
}

int ip_from_sockaddr(struct ip *ip, uint16_t *port, struct sockaddr const *sa)
{
  if (sa->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, sa, sizeof in);
    ip_set(ip, (uint8_t const *)&in.sin_addr, 4);
    *port = ntohs(in.sin_port);
    return 1;
  }
  if (sa->sa_family == AF_INET6) {
    struct sockaddr_in6 in;
    memcpy(&in, sa, sizeof in);
    ip_set(ip, in.sin6_addr.s6_addr, 16);
    *port = ntohs(in.sin6_port);
    return 1;
  }
  return 0;
}

int ip_mask(struct ip *ip, unsigned bits)
{
  int cut = 0;
  for (unsigned i = 0; i < ip->len; i++) {
    unsigned keep = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * i : 0;
    uint8_t mask = (uint8_t)(0xff00U >> keep);
    if (ip->b[i] & (uint8_t)~mask) cut = 1;
    ip->b[i] &= mask;
  }
  return cut;
}
