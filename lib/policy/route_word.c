/* A route as one word: relay-send knows a destination by it, and hands it to relay-remote. */
#include <string.h>
#include "parse/ip.h"
#include "parse/number.h"
#include "policy/route.h"

/* Appends text with what would end a word or a part of it escaped. */
static size_t escape(char *out, size_t n, char const *s, size_t len)
{
  static char const hex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < len; i++) {
    unsigned char ch = (unsigned char)s[i];
    if (ch > ' ' && ch < 0x7f && ch != '%' && ch != ';') {
      out[n++] = (char)ch;
    } else {
      out[n++] = '%';
      out[n++] = hex[ch >> 4];
      out[n++] = hex[ch & 15];
    }
  }
  return n;
}

static int digit(char ch)
{
  if (ch >= '0' && ch <= '9') return ch - '0';
  if (ch >= 'A' && ch <= 'F') return ch - 'A' + 10;
  return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* The way back. Returns the bytes, or 0: too many for `max` with a NUL behind, or no escape. */
static size_t unescape(char *out, size_t max, char const *s, size_t len)
{
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    int ch = (unsigned char)s[i];
    if (n + 1 >= max) return 0;
    if (ch == '%') {
      if (len - i < 3 || digit(s[i + 1]) < 0 || digit(s[i + 2]) < 0) return 0;
      ch = digit(s[i + 1]) * 16 + digit(s[i + 2]);
      if (!ch) return 0;
      i += 2;
    }
    out[n++] = (char)ch;
  }
  out[n] = 0;
  return n;
}

/* Where to connect. */
static size_t put_host(char out[ROUTE_TEXT], struct route const *r)
{
  char port[NUMBER_TEXT];
  size_t n = 0, len = strlen(r->host);
  if (r->local) return escape(out, 0, r->host, len);
  int brackets = strchr(r->host, ':') || (!r->named && !r->mx);
  if (!r->named) memcpy(out, "mx:", n = 3);
  if (brackets) out[n++] = '[';
  memcpy(out + n, r->host, len);
  n += len;
  if (brackets) out[n++] = ']';
  if (!r->named && r->port == 25) return n;
  out[n++] = ':';
  len = number_fmt(port, r->port);
  memcpy(out + n, port, len);
  return n + len;
}

size_t route_fmt(char out[ROUTE_TEXT], struct route const *r)
{
  char words[ROUTE_TEXT];
  size_t n = put_host(out, r), end = route_options(words, r);
  for (size_t i = 0, len; i < end; i += len + 1) {
    len = strlen(words + i);
    if (r->local && !r->lmtp) break; /* `smtp`: what a word says that has no `lmtp` */
    out[n++] = ';';
    n = escape(out, n, words + i, len);
  }
  out[n] = 0;
  return n;
}

static int scan_port(struct route *r, char const *s, size_t n)
{
  uint64_t port;
  if (number_scan(s, n, 65535, &port) != NUMBER_OK || !port) return 0;
  r->port = (uint16_t)port;
  return 1;
}

/* Is `mx:` with that behind it the relay `mx` and its port? No domain is digits alone. */
static int is_port(char const *s, size_t n)
{
  size_t i = 0;
  while (i < n && s[i] >= '0' && s[i] <= '9') i++;
  return i && i == n;
}

/* The part before the first `;`. Returns 1, or 0. */
static int scan_host(struct route *r, char const *s, size_t len)
{
  struct ip ip;
  if (len && *s == '/') {
    r->local = r->named = 1;
    return unescape(r->host, ROUTE_SOCKET + 1, s, len) > 0;
  }
  r->named = len < 3 || memcmp(s, "mx:", 3) || is_port(s + 3, len - 3);
  if (!r->named) {
    s += 3;
    len -= 3;
  }
  int brackets = len && *s == '[';
  char const *close = brackets ? memchr(s, ']', len) : 0, *from = close ? close : s;
  if (brackets && !close) return 0;
  char const *host = s + brackets, *colon = memrchr(from, ':', (size_t)(s + len - from));
  size_t n = close ? (size_t)(close - host) : colon ? (size_t)(colon - s) : len;
  if (close && (colon ? colon : s + len) != close + 1) return 0;
  if (colon ? !scan_port(r, colon + 1, (size_t)(s + len - colon - 1)) : r->named) return 0;
  if (ip_scan(&ip, host, n)) return (r->named ? brackets == (ip.len == 16) : brackets) && ip_fmt(r->host, &ip) > 0;
  r->mx = !r->named;
  return !brackets && domain_canon(r->host, host, n) > 0;
}

int route_scan(struct route *r, char const *s)
{
  char word[ROUTE_CA + DOMAIN_TEXT + 8];
  unsigned said = 0;
  size_t n = strcspn(s, ";");
  *r = (struct route){ .port = 25 };
  if (!scan_host(r, s, n)) return 0;
  for (s += n; *s; s += n) {
    s++;
    n = strcspn(s, ";");
    size_t len = unescape(word, sizeof word, s, n);
    if (!len || (r->local && strcmp(word, "lmtp")) || route_option(r, &said, word, len)) return 0;
  }
  if (r->local && !said) return !route_option(r, &said, "smtp", 4) && !route_settle(r, said);
  return !route_settle(r, said);
}
