/* The file `routes`: `domain:relay:port`, IPv6 addresses in brackets. */
#include <errno.h>
#include <string.h>
#include "parse/number.h"
#include "rules/rules.h"

/* Bytes up to the colon that ends a domain or host: colons within brackets don't count. */
static size_t until_colon(char const *s, size_t n)
{
  char const *close = n && *s == '[' ? memchr(s, ']', n) : 0;
  size_t from = close ? (size_t)(close - s) : 0;
  char const *colon = memchr(s + from, ':', n - from);
  return colon ? (size_t)(colon - s) : n;
}

/* The relay: a name, or an address in its canonical text. Returns its length, 0 after complaining. */
static size_t relay_host(struct compiler *c, char out[RULES_DOMAIN], struct word w)
{
  struct ip ip;
  struct quoted q;
  if (*w.s == '[') {
    if (w.n > 2 && w.s[w.n - 1] == ']' && ip_scan(&ip, w.s + 1, w.n - 2)) return ip_fmt(out, &ip);
    rules_error(c, "%s is no address in brackets", quote(&q, w.s, w.n));
    return 0;
  }
  if (ip_scan(&ip, w.s, w.n)) return ip_fmt(out, &ip);
  return rules_domain(c, out, w.s, w.n);
}

/* Is a relay this host? Mail would come back to us until it has too many Received fields (RFC 5321 6.3). */
static int is_self(struct compiler const *c, char const *host, size_t len, uint64_t port)
{
  struct ip ip;
  if (!len || (port && port != 25)) return 0;
  if (!ip_scan(&ip, host, len)) return !strcmp(host, c->me) || !strcmp(host, "localhost");
  if (ip.len == 4) return ip.b[0] == 127 || !ip.b[0];
  for (size_t i = 0; i < 15; i++)
    if (ip.b[i]) return 0;
  return ip.b[15] <= 1;
}

/* Puts "relay\0port\0" together. Returns 1, or 0 after complaining. */
static int route_data(struct compiler *c, struct word relay, struct word port)
{
  char host[RULES_DOMAIN], digits[NUMBER_TEXT];
  struct quoted q;
  uint64_t number = 0;
  size_t len = 0, digits_len = 0;
  if (relay.n && !(len = relay_host(c, host, relay))) return 0;
  if (port.s) {
    if (number_scan(port.s, port.n, 65535, &number) != NUMBER_OK || !number) {
      rules_error(c, "%s is no port (1 to 65535)", quote(&q, port.s, port.n));
      return 0;
    }
    digits_len = number_fmt(digits, number);
  }
  if (is_self(c, host, len, number))
    rules_warn(c, WARN_SELF_ROUTE, "%s is this host, unless another server listens there: mail would come back",
               quote(&q, relay.s, relay.n));
  c->data.len = 0;
  if (stralloc_catb(&c->data, host, len) && stralloc_0(&c->data) &&
      stralloc_catb(&c->data, digits, digits_len) && stralloc_0(&c->data)) return 1;
  c->broken = ENOMEM;
  return 0;
}

void rules_routes(struct compiler *c, char const *s, size_t n)
{
  char key[RULES_DOMAIN];
  struct quoted q;
  struct word w[2], relay, port = { 0, 0 };
  size_t len = 0;
  if (rules_words(s, n, w, 2) > 1) {
    rules_error(c, "%s is one word too many; a route has no blanks", quote(&q, w[1].s, w[1].n));
    return;
  }
  size_t colon = until_colon(w->s, w->n);
  if (colon == w->n) {
    rules_error(c, "no `:` after the domain; a route is domain:relay or domain:relay:port");
    return;
  }
  relay = (struct word){ w->s + colon + 1, w->n - colon - 1 };
  if (memchr(relay.s, '|', relay.n)) {
    rules_error(c, "this version knows no login at a relay (domain:relay:port|user|password)");
    return;
  }
  size_t second = until_colon(relay.s, relay.n);
  if (second < relay.n) port = (struct word){ relay.s + second + 1, relay.n - second - 1 };
  relay.n = second;
  if (port.s && memchr(port.s, ':', port.n)) {
    rules_error(c, "too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25");
    return;
  }
  if (colon && !(len = rules_domain_key(c, key, w->s, colon))) return;
  if (!relay.n) c->by_mx = 1;
  else if (!colon) c->default_relay = c->line;
  if (route_data(c, relay, port)) rules_add(c, TABLE_ROUTES, key, len, *w, c->data.s, c->data.len);
}
