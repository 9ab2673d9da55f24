/* The TLSA records of a server. */
#ifndef DNS_TLSA_H
#define DNS_TLSA_H

#include "dns/answer.h"
#include "dns/resolver.h"

/* Looks _PORT._tcp.NAME up, name canonical. On DNS_FOUND l holds at least one record, or had to leave some out; it
 * counts only when l->secure is set. DNS_NONE also for a name that is too long to have any. */
enum dns_state tlsa_find(struct resolver *r, char const *name, uint16_t port, struct tlsa_list *l);

/* Is there a CNAME at `name` whose answer the server has validated? DNS_FOUND, DNS_NONE: none, or not validated;
 * DNS_FAILED. Tells whether a name that leads out of the signed zones is itself in one. */
enum dns_state tlsa_alias(struct resolver *r, char const *name);

#endif
