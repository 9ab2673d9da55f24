/* The next hop of a domain. */
#include <string.h>
#include "parse/ip.h"
#include "parse/number.h"
#include "policy/route.h"

int route_record(struct table_set const *t, char const *domain, struct record *r)
{
  char const *key = domain;
  for (;;) {
    int found = table_find(t, TABLE_ROUTES, key, strlen(key), r);
    if (found || !*key) return found;
    key = domain_wider(key);
  }
}

/* The address within a literal, canonical. Returns 1, or 0. */
static int literal(struct ip *ip, char const *domain)
{
  size_t n = strlen(domain);
  if (n < 2 || domain[0] != '[' || domain[n - 1] != ']') return 0;
  if (!strncmp(domain, "[IPv6:", 6)) return ip_scan(ip, domain + 6, n - 7);
  return ip_scan(ip, domain + 1, n - 2);
}

/* Sets the host and, when it is the domain's own, how it is to be found. */
static int set_host(struct route *r, char const *host, size_t n, char const *domain)
{
  struct ip ip;
  if (n >= sizeof r->host || memchr(host, 0, n)) return -1;
  if (n) {
    memcpy(r->host, host, n);
    r->host[n] = 0;
    r->named = 1;
    r->local = *host == '/';
    return r->local && n > ROUTE_SOCKET ? -1 : 0;
  }
  if (*domain == '[') {
    if (!literal(&ip, domain)) return -1;
    ip_fmt(r->host, &ip);
    return 0;
  }
  n = strlen(domain);
  if (!n || n >= sizeof r->host) return -1;
  memcpy(r->host, domain, n + 1);
  r->mx = 1;
  return 0;
}

/* The record's pieces, NUL behind each: takes the next one. Returns 0 at the end or when the NUL is missing. */
static int piece(char const **s, char const *end, char const **at, size_t *n)
{
  char const *stop = *s < end ? memchr(*s, 0, (size_t)(end - *s)) : 0;
  if (!stop) return 0;
  *at = *s;
  *n = (size_t)(stop - *s);
  *s = stop + 1;
  return 1;
}

static int set_port(struct route *r, char const *s, size_t n)
{
  uint64_t port;
  if (!n) return 0;
  if (number_scan(s, n, 65535, &port) != NUMBER_OK || !port) return -1;
  r->port = (uint16_t)port;
  return 0;
}

int route_find(struct table_set const *t, char const *domain, struct route *r)
{
  struct record rec;
  char const *relay, *port, *word;
  size_t relay_len, port_len, n;
  unsigned said = 0;
  *r = (struct route){ .port = 25 };
  int found = t ? route_record(t, domain, &rec) : 0;
  if (found < 0) return -1;
  if (!found) return set_host(r, "", 0, domain);
  char const *s = rec.data, *end = rec.data + rec.len;
  if (!piece(&s, end, &relay, &relay_len) || !piece(&s, end, &port, &port_len)) return -1;
  if (set_port(r, port, port_len) < 0 || set_host(r, relay, relay_len, domain) < 0) return -1;
  while (piece(&s, end, &word, &n)) if (route_option(r, &said, word, n)) return -1;
  return s != end || route_settle(r, said) ? -1 : 0;
}

int route_by_mx(struct table_set const *t, char const *domain)
{
  struct route r;
  if (!*domain || *domain == '[') return 0;
  return route_find(t, domain, &r) < 0 ? -1 : r.mx;
}
