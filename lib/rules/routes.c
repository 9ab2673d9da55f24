/* The file `routes`: `domain:relay:port` and words behind, IPv6 addresses in brackets. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "parse/number.h"
#include "policy/route.h"
#include "rules/rules.h"

size_t rules_until_colon(char const *s, size_t n)
{
  char const *close = n && *s == '[' ? memchr(s, ']', n) : 0;
  size_t from = close ? (size_t)(close - s) : 0;
  char const *colon = memchr(s + from, ':', n - from);
  return colon ? (size_t)(colon - s) : n;
}

size_t rules_relay_host(struct compiler *c, char out[RULES_DOMAIN], struct word w)
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

static int no_login(struct compiler *c)
{
  rules_error(c, "a login at a relay (domain:relay:port|user|password) is a line of the file `logins`: "
              "relay:port user password");
  return 0;
}

/* Is it at least meant as a word of a route? What is not may be a login's: it is not shown. */
static int is_option(struct word w)
{
  static char const *const values[] = { "tls=", "name=", "ca=" };
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    if (w.n >= strlen(values[i]) && !strncasecmp(w.s, values[i], strlen(values[i]))) return 1;
  return rules_is(w, "lmtp") || rules_is(w, "smtp");
}

/* The words behind the relay, s[0..n). Returns 1, or 0 after complaining. */
static int read_options(struct compiler *c, struct route *r, char const *s, size_t n)
{
  struct quoted q;
  struct word w;
  unsigned said = 0;
  int ok = 1;
  while (rules_words(s, n, &w, 1)) {
    if (memchr(w.s, '|', w.n)) return no_login(c);
    char const *why = route_option(r, &said, w.s, w.n);
    if (why) rules_error(c, "%s %s", is_option(w) ? quote(&q, w.s, w.n) : "a word behind the relay", why);
    ok &= !why;
    n -= (size_t)(w.s + w.n - s);
    s = w.s + w.n;
  }
  char const *why = ok ? route_settle(r, said) : 0;
  if (why) rules_error(c, "%s", why);
  return ok && !why;
}

/* The relay, which may be empty, and its port. Returns 1, or 0 after complaining. */
static int read_relay(struct compiler *c, struct route *r, struct word relay, struct word port)
{
  char host[RULES_DOMAIN] = "";
  struct quoted q;
  uint64_t number = 25;
  size_t len = 0;
  if (relay.n && *relay.s == '/') {
    r->local = 1;
    for (; len < relay.n && (unsigned char)relay.s[len] > ' ' && relay.s[len] != 0x7f; len++) host[len] = relay.s[len];
    if (len == relay.n) host[len] = 0;
    else return rules_error(c, "%s has a control character", quote(&q, relay.s, relay.n)), 0;
  } else if (relay.n && !(len = rules_relay_host(c, host, relay))) {
    return 0;
  }
  if (port.s && (number_scan(port.s, port.n, 65535, &number) != NUMBER_OK || !number)) {
    rules_error(c, "no port (1 to 65535) behind the relay's colon");
    return 0;
  }
  if (!r->local && is_self(c, host, len, number))
    rules_warn(c, WARN_SELF_ROUTE, "%s is this host, unless another server listens there: mail would come back",
               quote(&q, relay.s, relay.n));
  memcpy(r->host, host, sizeof r->host);
  r->port = (uint16_t)number;
  r->named = len != 0;
  r->mx = !len;
  return 1;
}

/* Puts "relay\0port\0" and the words together. */
static int put_data(struct compiler *c, struct route const *r, int port)
{
  char digits[NUMBER_TEXT], words[ROUTE_TEXT];
  size_t len = port ? number_fmt(digits, r->port) : 0;
  c->data.len = 0;
  if (stralloc_cats(&c->data, r->host) && stralloc_0(&c->data) && stralloc_catb(&c->data, digits, len) &&
      stralloc_0(&c->data) && stralloc_catb(&c->data, words, route_options(words, r))) return 1;
  c->broken = ENOMEM;
  return 0;
}

/* Splits what stands behind the domain's colon. Returns 1, or 0 after complaining. */
static int split(struct compiler *c, struct word w, struct word *relay, struct word *port)
{
  struct quoted q;
  *relay = w;
  *port = (struct word){ 0, 0 };
  if (memchr(w.s, '|', w.n)) return no_login(c);
  if (w.n > 1 && !memcmp(w.s, "//", 2))
    return rules_error(c, "a route is no URL: domain:relay or domain:relay:port"), 0;
  if (w.n && *w.s == '/') {
    if (w.n <= ROUTE_SOCKET) return 1;
    rules_error(c, "%s is too long for a socket: %d bytes at most", quote(&q, w.s, w.n), ROUTE_SOCKET);
    return 0;
  }
  if (memchr(w.s, '@', w.n)) return no_login(c);
  size_t colon = rules_until_colon(w.s, w.n);
  if (colon < w.n) *port = (struct word){ w.s + colon + 1, w.n - colon - 1 };
  relay->n = colon;
  if (!port->s || !memchr(port->s, ':', port->n)) return 1;
  rules_error(c, "too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25");
  return 0;
}

void rules_routes(struct compiler *c, char const *s, size_t n)
{
  char key[RULES_DOMAIN];
  struct word w, relay, port;
  struct route r = { .port = 25 };
  size_t len = 0;
  rules_words(s, n, &w, 1);
  size_t colon = rules_until_colon(w.s, w.n);
  if (colon == w.n) {
    rules_error(c, "no `:` after the domain; a route is domain:relay or domain:relay:port");
    return;
  }
  if (!split(c, (struct word){ w.s + colon + 1, w.n - colon - 1 }, &relay, &port)) return;
  if (colon && !(len = rules_domain_key(c, key, w.s, colon))) return;
  if (!relay.n) c->by_mx = 1;
  else if (!colon) c->default_relay = c->line;
  int ok = read_relay(c, &r, relay, port);
  if (!read_options(c, &r, w.s + w.n, n - (size_t)(w.s + w.n - s)) || !ok) return;
  if (r.mx && r.tls == ROUTE_TLS_VERIFY && !*r.name)
    rules_warn(c, WARN_MX_NAMES, "a certificate of any mail exchanger's name will do, and unsigned DNS says who that "
               "is; `name=` says it here");
  if (put_data(c, &r, port.s != 0) && rules_add(c, TABLE_ROUTES, key, len, w, c->data.s, c->data.len))
    rules_logins_relay(c, &r);
}
