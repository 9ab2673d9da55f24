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
  unsigned quiet : 1;        /* nothing of relay-mtasts goes to descriptor 2 */
  pid_t renewing;            /* relay-mtasts at work while we go on; 0: none */
  unsigned looked : 1;       /* the rest is true of the domain, for this connection */
  unsigned found : 1;        /* `entry` counts */
  enum sts_fetched fetched;  /* what a fetch that we waited for came to */
  struct sts_entry entry;
};

/* Takes the cache's directory. Returns 0, or -1 with errno: there will be no MTA-STS (ENOENT: it isn't wanted). */
int remote_sts_open(struct remote_sts *s, char const *dir);

/* The next remote_sts_find looks everything up anew. */
void remote_sts_forget(struct remote_sts *s);

/* Finds the domain's policy: the kept one while its id is that of the TXT record, else a new one, for which
 * relay-mtasts gets at most `seconds`; the old one, while it lasts, where there is no record or no new one to be
 * had. Returns 1 when there is one that demands something (s->entry). */
int remote_sts_find(struct remote_sts *s, struct resolver *dns, char const *domain, unsigned seconds);

/* What the policy that was found demands of an exchanger: put into d, which was made by the route alone. Returns 1, or
 * 0 when its name is none of the policy's; then with STS_ENFORCE it gets no mail. */
int remote_sts_demand(struct remote_sts const *s, char const *host, struct tls_demand *d);

void remote_sts_free(struct remote_sts *s);

#endif
