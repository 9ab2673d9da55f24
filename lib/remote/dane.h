/* DANE (RFC 7672): what the TLSA records of a target demand. */
#ifndef REMOTE_DANE_H
#define REMOTE_DANE_H

#include "dns/tlsa.h"
#include "remote/demand.h"

enum dane_state {
  DANE_NONE,      /* there are no records, or they are not validated: as if DANE did not exist */
  DANE_USABLE,
  DANE_UNUSABLE,  /* there are some, but none of them can be checked: TLS without verification (RFC 7672 2.2) */
  DANE_FAILED,    /* there may be some: the server can't be used now (RFC 7672 2.1.2) */
};

/* The records of one name and port: of a host with several addresses they are asked for once. All zero: none yet. */
struct dane {
  enum dane_state state;
  unsigned fresh : 1;      /* the last dane_demand asked for them */
  char host[DOMAIN_TEXT];  /* whose they are, as the target has it; "": nothing is known */
  uint16_t port;
  char base[DOMAIN_TEXT];  /* the TLSA base domain: the host, or where its CNAMEs end */
  struct tlsa_list list;
};

/* Adds to d, which has what the route `t->route` demands, what DANE does. A route that says tls=none, or tls=verify
 * with name= or ca=, has said all that counts; tls=verify alone is content with DANE. Asks t's resolver when the
 * records of the target are not in `known`, to whose data d points afterwards. Returns 1, or 0 when the target can't be
 * used: noted in t's failure. */
int dane_demand(struct dane *known, struct tls_demand *d, struct targets *t, struct target const *target);

/* Forgets what is known: it may have changed. */
void dane_forget(struct dane *known);

#endif
