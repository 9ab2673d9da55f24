/* Which addresses are this machine, and which are nobody's. */
#ifndef DNS_SELF_H
#define DNS_SELF_H

#include "parse/ip.h"

struct self {
  struct ip *ip;   /* n addresses of our interfaces, malloc'ed */
  unsigned n;
  unsigned v6 : 1; /* one of them is IPv6: it is worth asking for AAAA */
};

/* Asks the kernel. Returns 0, or -1 with errno. On 0 self_free undoes it. */
int self_load(struct self *s);
void self_free(struct self *s);

/* Is it an address of ours, or a loopback one (127.0.0.0/8, ::1), also in its IPv4-mapped form? */
int self_has(struct self const *s, struct ip const *ip);

/* Is it one that nobody may connect to: 0.0.0.0/8 and :: (which would be ourselves), multicast, broadcast, and none
 * at all? */
int self_never(struct ip const *ip);

#endif
