/* The addresses to try for a route, one after the other: those of an address or a host, or of a domain's mail
 * exchangers, best preference first. Names are looked up when their turn comes.
 *
 * Never ourselves. 0.0.0.0 and :: are never tried. An address that the DNS gave for a domain's mail, or a literal,
 * is never one of this machine, on any port, since a stranger can write what he likes there; nor is a mail exchanger of
 * our own name: such a one, its equals and the worse ones are dropped (RFC 5321 5.1), and when none is left, that is
 * the end (5.4.6). A relay of the operator's may be on this machine, a filter or a test on a port of its own, but not
 * on port 25. */
#ifndef REMOTE_TARGETS_H
#define REMOTE_TARGETS_H

#include "dns/addr.h"
#include "dns/mx.h"
#include "dns/resolver.h"
#include "dns/self.h"
#include "policy/route.h"
#include "remote/failure.h"

#define TARGETS_GROUP 32   /* addresses of mail exchangers of one preference */
#define TARGETS_TRIES 12   /* addresses given in all */
#define TARGETS_TIME 900   /* seconds for all look-ups and tries */

struct target {
  struct ip ip;
  uint16_t port;
  char const *host;       /* the name, canonical; "" for a bare address; the path of a socket. Good until the next
                             targets_start */
  unsigned local : 1;     /* a Unix socket; ip and port mean nothing */
  unsigned ours : 1;      /* an address of this machine, or a socket on it, as the operator's route says */
  unsigned named : 1;     /* the name was validated (DNSSEC), or comes from no MX record */
  unsigned secure : 1;    /* named, and its addresses were validated, too */
  unsigned aliased : 1;   /* a CNAME stands at the name */
  char const *alias;      /* the end of the CNAMEs that start there, canonical; "": none, or no name */
};

struct targets {
  struct resolver *dns;
  struct self const *self;
  char const *me;
  struct route route;
  int64_t deadline;         /* io_now's clock */
  struct failure failure;
  struct mx_list mx;        /* what is left to try: from `next` on */
  unsigned next;
  unsigned tries;
  unsigned by_domain : 1;   /* the next hop is a stranger's choice (DNS, literal), not the operator's */
  unsigned n, i;            /* the current group, and where in it we are */
  struct target group[TARGETS_GROUP];
  char alias[DNS_MX][DOMAIN_TEXT]; /* of each exchanger, when its turn has come */
};

/* Starts over. `me` is our name, canonical. What is pointed to stays the caller's and must live as long as t is
 * used. */
void targets_start(struct targets *t, struct route const *r, char const *me, struct resolver *dns,
  struct self const *self);

/* The next address to try. Returns 1, or 0 when there are no more: t->failure then has what went wrong, if anything. */
int targets_next(struct targets *t, struct target *out);

/* No further one is to be tried. */
void targets_end(struct targets *t);

/* The server just tried turned out to be ourselves: drops the rest. */
void targets_self(struct targets *t);

#endif
