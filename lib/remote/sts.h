/* MTA-STS (RFC 8461) for relay-remote: the domain's TXT record, the cache, and relay-mtasts, which fills it. */
#ifndef REMOTE_STS_H
#define REMOTE_STS_H

#include <sys/types.h>
#include "dns/resolver.h"
#include "remote/demand.h"
#include "sts/cache.h"

#define STS_TIME 60 /* seconds for relay-mtasts; RFC 8461 3.3 */

struct remote_sts {
  char const *dir;           /* the cache; null: no MTA-STS */
  int error;                 /* why it can't be read, an errno value; 0: it can */
  unsigned unwritable : 1;   /* no new policies can be kept */
  unsigned quiet : 1;        /* nothing goes to descriptor 2, of us or of relay-mtasts */
  pid_t renewing;            /* relay-mtasts at work while we go on; 0: none */
  unsigned looked : 1;       /* the rest is true of the domain, for this connection */
  unsigned found : 1;        /* `entry` counts */
  char const *broken;        /* what went wrong on our side, so that nobody knows whether there is a policy; to go
                                behind the domain. Static. Null: nothing */
  char const *foreign;       /* the exchanger that was last found to be none of the policy's. Only to compare */
  enum sts_fetched fetched;  /* what a fetch that we waited for came to */
  struct sts_entry entry;
};

/* Takes the cache's directory, after `quiet` is set. When it isn't there there is no MTA-STS, which is logged if the
 * operator `named` it. When it can't be written to, what is in it counts, and a new policy for one connection; when it
 * can't even be read, a policy might be in it for any domain, unless nobody named it and what it is in is closed to us.
 * All that is logged. */
void remote_sts_open(struct remote_sts *s, char const *dir, int named);

/* The next remote_sts_find looks everything up anew. */
void remote_sts_forget(struct remote_sts *s);

/* Finds the domain's policy: the kept one while its id is that of the TXT record, else a new one, for which
 * relay-mtasts gets at most `seconds`; the old one, while it lasts, where there is no record or no new one to be had.
 * Returns 1 when there is one that demands something (s->entry), 0, or -1 when that can't be told (s->broken): then
 * nothing may be sent. */
int remote_sts_find(struct remote_sts *s, struct resolver *dns, char const *domain, unsigned seconds);

/* Adds what the policy that was found demands of an exchanger to d, which has what the route does, and perhaps that
 * there are TLSA records which can't be checked. Nothing of that is taken away: STS_TESTING leaves alone what is more
 * than TLS_MAY. Returns 1, or 0 when its name is none of the policy's; then with STS_ENFORCE it gets no mail. */
int remote_sts_demand(struct remote_sts const *s, char const *host, struct tls_demand *d);

void remote_sts_free(struct remote_sts *s);

#endif
