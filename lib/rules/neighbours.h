/* The addresses around this host that hide strangers: its default gateways (NAT, the userland proxy of containers) and
 * its own addresses on bridges. A rule that trusts one of them is the commonest open relay; the compiler warns. */
#ifndef RULES_NEIGHBOURS_H
#define RULES_NEIGHBOURS_H

#include <stddef.h>
#include "parse/ip.h"
#include "rules/compile.h"

#define NEIGHBOURS 64 /* more are not looked at */

struct neighbour {
  struct ip ip;
  char what[48];  /* what it is, for the warning: printable ASCII */
};
struct neighbours {
  struct neighbour n[NEIGHBOURS];
  size_t len;
};

/* Looks around. What can't be found out (no /proc, no /sys) is left out. */
void neighbours_find(struct neighbours *x);

/* Adds the gateways of the default routes in the text of Linux' /proc/net/route (v6 0) or /proc/net/ipv6_route (v6 1).
 * Any byte may occur in s; lines that are not understood are skipped. */
void neighbours_routes(struct neighbours *x, char const *s, size_t n, int v6);

#endif
