/* The addresses to try for a route. */
#include <string.h>
#include "base/io.h"
#include "remote/targets.h"

#define SELF_TEXT " is this machine itself (#5.4.6)"

void targets_end(struct targets *t)
{
  t->n = t->i = 0;
  t->next = t->mx.n;
}

void targets_self(struct targets *t)
{
  targets_end(t);
  failure_note(&t->failure, 'D', "the best mail server for ", t->route.host, SELF_TEXT);
}

/* Takes one address into the group, with all that `like` has of its name. Returns 0, or -1: it is ourselves. */
static int take(struct targets *t, struct ip const *ip, struct target const *like)
{
  char text[IP_TEXT];
  int ours = self_has(t->self, ip);
  if (self_never(ip)) {
    ip_fmt(text, ip);
    failure_note(&t->failure, 'D', "nobody can connect to ", text, " (#5.4.4)");
    return 0;
  }
  if (ours && (t->by_domain || t->route.port == 25)) return -1;
  if (t->n < TARGETS_GROUP) {
    struct target *to = &t->group[t->n++];
    *to = *like;
    to->ip = *ip;
    to->port = t->route.port;
    to->ours = ours ? 1 : 0;
  }
  return 0;
}

static int take_all(struct targets *t, struct address_list const *l, unsigned i)
{
  char const *host = t->mx.mx[i].host;
  struct target like = {
    .host = host, .named = t->mx.secure, .secure = t->mx.secure && l->secure, .aliased = l->aliased,
    .alias = t->alias[i],
  };
  strcpy(t->alias[i], l->aliased ? l->owner : "");
  for (unsigned k = 0; k < l->n; k++) if (take(t, &l->ip[k], &like) < 0) return -1;
  return 0;
}

/* Looks the addresses of exchanger i up. Returns 0, or -1: it is ourselves. */
static int take_host(struct targets *t, unsigned i)
{
  struct address_list l;
  char const *host = t->mx.mx[i].host;
  if (t->by_domain && !strcmp(host, t->me)) return -1;
  if (io_now() >= t->deadline) return failure_note(&t->failure, 'Z', "no time left to look up ", host, " (#4.4.3)"), 0;
  switch (addr_find(t->dns, host, t->self->v6, &l)) {
    case DNS_FOUND:
      return take_all(t, &l, i);
    case DNS_FAILED:
      failure_note(&t->failure, 'Z', "the DNS gives no answer on ", host, " (#4.4.3)");
      break;
    default: /* a mistake in the operator's routes can be mended while the mail waits */
      if (t->by_domain) failure_note(&t->failure, 'D', "there is no address of mail server ", host, " (#5.4.4)");
      else failure_note(&t->failure, 'Z', "there is no address of next hop ", host, " (#4.4.4)");
  }
  return 0;
}

/* All mail exchangers of the next preference at once: any of them may show that we are one of the domain's
 * ourselves. Returns 1, or 0 at the end. */
static int next_group(struct targets *t)
{
  t->n = t->i = 0;
  if (t->next >= t->mx.n) return 0;
  uint16_t preference = t->mx.mx[t->next].preference;
  for (; t->next < t->mx.n && t->mx.mx[t->next].preference == preference; t->next++) {
    if (take_host(t, t->next) == 0) continue;
    targets_self(t);
    return 0;
  }
  return 1;
}

/* One name, as if it were the only mail exchanger: no MX record that had to be validated leads to it. */
static void single(struct targets *t, char const *host)
{
  t->mx.n = t->mx.secure = 1;
  t->mx.mx[0].preference = 0;
  strcpy(t->mx.mx[0].host, host);
}

static void start_domain(struct targets *t)
{
  char const *domain = t->route.host;
  switch (mx_find(t->dns, domain, &t->mx)) {
    case DNS_FOUND:
      if (t->mx.null) failure_note(&t->failure, 'D', domain, " takes no mail: null MX (#5.1.10)", 0);
      else if (!t->mx.n) failure_note(&t->failure, 'D', domain, " has no usable mail server name (#5.4.4)", 0);
      break;
    case DNS_NONE: /* RFC 5321 5.1: the domain is its own mail exchanger */
      single(t, domain);
      break;
    case DNS_NO_NAME:
      failure_note(&t->failure, 'D', "there is no domain ", domain, " (#5.1.2)");
      break;
    default:
      failure_note(&t->failure, 'Z', "the DNS gives no answer on ", domain, " (#4.4.3)");
  }
}

void targets_start(struct targets *t, struct route const *r, char const *me, struct resolver *dns,
  struct self const *self)
{
  struct ip ip;
  t->dns = dns;
  t->self = self;
  t->me = me;
  t->route = *r;
  t->deadline = io_now() + TARGETS_TIME * 1000;
  t->failure.kind = 0;
  t->mx.n = t->next = t->tries = t->n = t->i = 0;
  t->by_domain = !r->named;
  if (r->local) t->group[t->n++] = (struct target){ .host = t->route.host, .alias = "", .local = 1, .ours = 1 };
  else if (r->mx) start_domain(t);
  else if (!ip_scan(&ip, r->host, strlen(r->host))) single(t, t->route.host);
  else if (take(t, &ip, &(struct target){ .host = "", .alias = "" }) < 0) targets_self(t);
}

int targets_next(struct targets *t, struct target *out)
{
  while (t->i >= t->n) if (!next_group(t)) return 0;
  if (t->tries++ >= TARGETS_TRIES || io_now() >= t->deadline) {
    targets_end(t);
    if (!t->failure.kind) failure_note(&t->failure, 'Z', "too many addresses of ", t->route.host, " (#4.4.1)");
    return 0;
  }
  *out = t->group[t->i++];
  return 1;
}
