/* What TLS a target must have. */
#include <stdio.h>
#include <string.h>
#include "remote/demand.h"

void demand_name(struct tls_demand *d, char const *name)
{
  size_t n = strlen(name);
  if (!n || n >= DOMAIN_TEXT || d->names_n == TLS_CLIENT_NAMES) return;
  for (unsigned i = 0; i < d->names_n; i++) if (!strcmp(d->names[i], name)) return;
  memcpy(d->names[d->names_n++], name, n + 1);
}

/* The name that the route gives, else the one by which the target was found, else its address. */
static void name_of(struct tls_demand *d, struct route const *r, struct target const *t)
{
  char text[IP_TEXT];
  if (*r->name) return demand_name(d, r->name);
  if (*t->host) return demand_name(d, t->host);
  ip_fmt(text, &t->ip);
  demand_name(d, text);
}

int demand_told(struct route const *r)
{
  return r->tls == ROUTE_TLS_NONE || (r->tls == ROUTE_TLS_VERIFY && (*r->name || *r->ca));
}

void demand_by_route(struct tls_demand *d, struct route const *r, struct target const *t)
{
  *d = (struct tls_demand){ .level = TLS_MAY, .now = r->tls_now, .ca = *r->ca ? r->ca : 0 };
  name_of(d, r, t);
  if (r->tls == ROUTE_TLS_MAY) return;
  d->source = TLS_BY_ROUTE;
  d->level = r->tls == ROUTE_TLS_NONE ? TLS_NEVER : r->tls == ROUTE_TLS_VERIFY ? TLS_VERIFY : TLS_REQUIRED;
  if (d->level == TLS_VERIFY) d->check = TLS_CHECK_CA;
}

char const *demand_source(enum tls_source s)
{
  static char const *const words[] = { "default", "routes", "dane", "sts" };
  return words[s];
}
