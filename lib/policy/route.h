/* The next hop of a domain: `routes`, smtproutes(5) with bracketed IPv6 literals. */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include <stddef.h>
#include <stdint.h>
#include "parse/domain.h"
#include "table/table.h"

#define ROUTE_TEXT (DOMAIN_TEXT + 32)

struct route {
  char host[DOMAIN_TEXT];  /* where to connect: a name, an address in text ("192.0.2.1", "2001:db8::1") or, with mx set,
                              the domain itself */
  uint16_t port;           /* 25 unless the route says otherwise */
  unsigned mx : 1;         /* look MX up for host (no route, or one with an empty relay); else A and AAAA */
};

/* The route of a canonical domain or literal: exact, then wider suffixes (literals have none), then "". Returns 0, or
 * -1 (corrupt table, empty domain). A literal without a route, or with one whose relay is empty, goes to its address. t
 * may be null: no routes. */
int route_find(struct table_set const *t, char const *domain, struct route *r);

/* The line for it, if there is one. Returns 1, 0, or -1 when the table is corrupt. */
int route_record(struct table_set const *t, char const *domain, struct record *r);

/* Does mail for this canonical domain go where its MX records lead, by no relay of `routes`? A literal has none.
 * Returns 1, 0, or -1 when the table is corrupt. */
int route_by_mx(struct table_set const *t, char const *domain);

/* A route as one word, and back: "mx:example.com", "mx:example.com:2525", "192.0.2.1:25", "[2001:db8::1]:25",
 * "host.example:587". fmt returns the length without the NUL; scan 1, or 0. */
size_t route_fmt(char out[ROUTE_TEXT], struct route const *r);
int route_scan(struct route *r, char const *s);

#endif
