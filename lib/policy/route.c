/* The next hop of a domain, and a route as one word. */
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
    return 0;
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

static int set_port(struct route *r, char const *s, size_t n)
{
  uint64_t port;
  if (number_scan(s, n, 65535, &port) != NUMBER_OK || !port) return -1;
  r->port = (uint16_t)port;
  return 0;
}

int route_find(struct table_set const *t, char const *domain, struct route *r)
{
  struct record rec;
  *r = (struct route){ .port = 25 };
  int found = t ? route_record(t, domain, &rec) : 0;
  if (found < 0) return -1;
  if (!found) return set_host(r, "", 0, domain);
  char const *end = rec.data + rec.len;
  char const *relay_end = memchr(rec.data, 0, rec.len);
  if (!relay_end || rec.len < 2 || end[-1] || relay_end == end - 1) return -1;
  char const *port = relay_end + 1;
  if (end - 1 > port && set_port(r, port, (size_t)(end - 1 - port)) < 0) return -1;
  return set_host(r, rec.data, (size_t)(relay_end - rec.data), domain);
}

int route_by_mx(struct table_set const *t, char const *domain)
{
  struct route r;
  if (!*domain || *domain == '[') return 0;
  return route_find(t, domain, &r) < 0 ? -1 : r.mx;
}

size_t route_fmt(char out[ROUTE_TEXT], struct route const *r)
{
  char port[NUMBER_TEXT];
  size_t n = 0, len = strlen(r->host);
  int brackets = strchr(r->host, ':') != 0;
  if (r->mx) memcpy(out, "mx:", n = 3);
  if (brackets) out[n++] = '[';
  memcpy(out + n, r->host, len);
  n += len;
  if (brackets) out[n++] = ']';
  if (!r->mx || r->port != 25) {
    out[n++] = ':';
    len = number_fmt(port, r->port);
    memcpy(out + n, port, len);
    n += len;
  }
  out[n] = 0;
  return n;
}

int route_scan(struct route *r, char const *s)
{
  struct ip ip;
  *r = (struct route){ .port = 25 };
  if (!strncmp(s, "mx:", 3)) {
    r->mx = 1;
    s += 3;
  }
  char const *host = s, *colon = strrchr(s, ':');
  size_t n;
  if (*s == '[') {
    char const *close = strchr(s, ']');
    if (!close || r->mx) return 0;
    host = s + 1;
    n = (size_t)(close - host);
    colon = close + 1;
    if (*colon != ':' || !ip_scan(&ip, host, n) || ip.len != 16) return 0;
  } else {
    n = colon ? (size_t)(colon - s) : strlen(s);
  }
  if (!colon && !r->mx) return 0;
  if (colon && set_port(r, colon + 1, strlen(colon + 1)) < 0) return 0;
  if (ip_scan(&ip, host, n)) {
    if (r->mx || (ip.len == 16 && *s != '[')) return 0;
    return ip_fmt(r->host, &ip) > 0;
  }
  return domain_canon(r->host, host, n) > 0;
}
