/* The mail exchangers of a domain. */
#ifndef DNS_MX_H
#define DNS_MX_H

#include "dns/answer.h"
#include "dns/resolver.h"

/* Looks the MX records of a canonical domain up. On DNS_FOUND l is ordered: best preference first, equals shuffled
 * (RFC 5321 5.1), or l->null is set (and l->n is 0). DNS_NONE: there are none, the domain's own addresses count.
 * Records that name no host are left out: DNS_FOUND with l->n == 0 and l->bad says that there are no others.
 * l->secure is set for DNS_FOUND alone. */
enum dns_state mx_find(struct resolver *r, char const *domain, struct mx_list *l);

/* Orders as mx_find does, by l's random numbers. */
void mx_sort(struct mx_list *l);

#endif
