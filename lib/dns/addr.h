/* The addresses of a host. */
#ifndef DNS_ADDR_H
#define DNS_ADDR_H

#include "dns/answer.h"
#include "dns/resolver.h"

/* Looks the addresses of a canonical name up: AAAA when `v6` is set, and A. On DNS_FOUND l has them, IPv6 and IPv4
 * taking turns, so that a machine whose IPv6 leads nowhere soon comes to an IPv4 address. One family is enough:
 * DNS_FAILED only when the other had none. */
enum dns_state addr_find(struct resolver *r, char const *name, int v6, struct address_list *l);

/* All addresses of a canonical name, AAAA before A, or nothing: DNS_FAILED when one family can't be had, or has more
 * than l takes. A server that says NXDOMAIN to AAAA is asked for A all the same (RFC 4074 4.2). */
enum dns_state addr_find_all(struct resolver *r, char const *name, struct address_list *l);

/* Lets the families take turns, IPv6 first, each in its own order. */
void addr_interleave(struct address_list *l);

#endif
