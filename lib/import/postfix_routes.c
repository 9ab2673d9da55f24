/* Postfix' transport_maps, the transports of its classes of domains, and relayhost; in `routes` they are one table. */
#include <errno.h>
#include <string.h>
#include "import/postfix.h"

struct routes {
  char host[POSTFIX_ROUTE];  /* relayhost as a route has it */
  int there;                 /* there is one */
};

/* Where Postfix wants the domain's own name in the certificates of its mail exchangers, a line for one domain can say
 * so; one for many can't, and must not take whatever name the DNS gives instead. */
static int put_secure(struct postfix *p, char const *name, size_t len, struct place from)
{
  if (len && *name != '.' && *name != '[')
    return import_line(p->x, IMPORT_ROUTES, name, len, from, 0, "%s:%s name=%s", name, p->tls.s, name);
  import_left(p->x, from, "`secure` for %s: that certificates have the recipient's domain in them; the route says "
              "`tls=required`", len ? name : "all domains without a relay");
  return import_line(p->x, IMPORT_ROUTES, name, len, from, 0, "%s: tls=required", name);
}

/* Writes a line, with the words on TLS where SMTP is spoken. Returns as import_line. */
static int put_route(struct postfix *p, char const *name, size_t len, struct place from, char const *route)
{
  int lmtp = *route == '/' || strchr(route, ' ');
  if (p->secure && !*route) return put_secure(p, name, len, from);
  return import_line(p->x, IMPORT_ROUTES, name, len, from, 0, "%s:%s%s", name, route, lmtp ? "" : p->tls.s);
}

/* Mail to a domain is refused; for all other domains that means: no grants. */
static void deny(struct postfix *p, char const *key, size_t len, struct place from)
{
  if (len) {
    import_line(p->x, IMPORT_RELAY, key, len, from, 0, "deny to %s", key);
  } else {
    import_left(p->x, from, "mail to all other domains is refused: so nothing is granted in `relay`");
    p->sealed = 1;
  }
}

/* An address' own transport: where mail to it is refused we refuse it. */
static void one_user(struct postfix *p, struct text key, struct text value, struct place from)
{
  char address[ADDRESS_KEY + 1], route[POSTFIX_ROUTE];
  if (postfix_delivery(p, route, value, from) != DELIVERY_ERROR) {
    import_left(p->x, from, "routes are for whole domains: %.*s", SHOWN(key));
    return;
  }
  size_t len = postfix_mailbox(p, address, key, from, 0);
  if (!len) return;
  deny(p, address, len, from);
  if (postfix_set(p, "recipient_delimiter"))
    import_left(p->x, from, "%s: mail to it with an extension, which Postfix refuses, too", address);
}

static void one_transport(struct postfix *p, struct text key, struct text value, struct place from, void *arg)
{
  struct routes const *r = arg;
  char name[IMPORT_DOMAIN] = "", route[POSTFIX_ROUTE];
  size_t len = 0;
  if (!text_is(key, "*")) {
    if (memchr(key.s, '@', key.n)) {
      one_user(p, key, value, from);
      return;
    }
    if (!(len = import_domain(name, key))) {
      import_left(p->x, from, "no domain: %.*s", SHOWN(key));
      return;
    }
  }
  enum delivery d = postfix_delivery(p, route, value, from);
  if (d == DELIVERY_OTHER) return;
  if (d == DELIVERY_ERROR) {
    deny(p, name, len, from);
    return;
  }
  if (d == DELIVERY_USUAL && r->there && !(len && postfix_class(p, name))) strcpy(route, r->host);
  put_route(p, name, len, from, route);
}

/* The parameter with the transport of a class; null: none. */
static char const *transport_of(unsigned class)
{
  switch (class) {
  case CLASS_LOCAL: return "local_transport";
  case CLASS_MAILBOX: return "virtual_transport";
  case CLASS_RELAY: return "relay_transport";
  default: return 0;
  }
}

/* Does a line for this domain or for what it is below stand in `routes`? */
static int has_route(struct postfix const *p, char const *domain)
{
  for (char const *s = domain; *s; s = domain_wider(s))
    if (names_find(&p->x->keys[IMPORT_ROUTES], s, strlen(s), 0)) return 1;
  return 0;
}

/* Hosted domains without a line of their own go where their class goes; and not to the relayhost, which is for the
 * others. */
static void classes(struct postfix *p, unsigned class, int relayhost)
{
  char route[POSTFIX_ROUTE] = "";
  char const *name = transport_of(class);
  stralloc value = STRALLOC_ZERO;
  int set = name && postfix_set(p, name) && postfix_get(p, name, &value);
  struct place from = postfix_place(p, set ? name : "relayhost");
  enum delivery d = set ? postfix_delivery(p, route, (struct text){ value.s, value.len }, from) : DELIVERY_OTHER;
  if (d == DELIVERY_ERROR) import_left(p->x, from, "%s: error: mail for these domains is refused there", name);
  stralloc_free(&value);
  if (!*route && !relayhost) return;
  for (size_t i = 0; i < p->hosted.len && !p->x->broken; i += strlen(p->hosted.s + i) + 1) {
    char const *s = p->hosted.s + i;
    if (postfix_class(p, s) == class && !has_route(p, s))
      put_route(p, s, strlen(s), from, route);
  }
}

/* Where mail goes that has no other route. A relayhost comes before the next hop of default_transport. */
static void read_relayhost(struct postfix *p, struct routes *r)
{
  stralloc value = STRALLOC_ZERO;
  if (postfix_set(p, "default_transport") && postfix_get(p, "default_transport", &value)) {
    struct place from = postfix_place(p, "default_transport");
    enum delivery d = postfix_delivery(p, r->host, (struct text){ value.s, value.len }, from);
    r->there = d == DELIVERY_ROUTE && *r->host;
    if (d == DELIVERY_ERROR) deny(p, "", 0, from);
  }
  if (postfix_set(p, "relayhost") && postfix_get(p, "relayhost", &value)) {
    struct text t = text_trim((struct text){ value.s, value.len });
    if (t.n) r->there = postfix_nexthop(p, r->host, t, postfix_place(p, "relayhost")) == DELIVERY_ROUTE;
  }
  stralloc_free(&value);
}

void postfix_routes(struct postfix *p)
{
  struct routes r = { .there = 0 };
  read_relayhost(p, &r);
  if (postfix_set(p, "transport_maps")) postfix_tables(p, "transport_maps", one_transport, &r);
  struct place from = postfix_place(p, postfix_set(p, "relayhost") ? "relayhost" : "default_transport");
  int used = r.there && put_route(p, "", 0, from, r.host);
  if (!r.there && *p->tls.s) put_route(p, "", 0, postfix_place(p, "smtp_tls_security_level"), "");
  for (unsigned class = CLASS_LOCAL; class <= CLASS_RELAY; class++) classes(p, class, used);
}
