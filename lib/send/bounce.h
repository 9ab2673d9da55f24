/* Reports to the sender: handed to relay-bounce as a child, so that nobody waits for it. */
#ifndef SEND_BOUNCE_H
#define SEND_BOUNCE_H

#include "send/send.h"

#define BOUNCE_TIME 3600 /* seconds relay-bounce may take */

/* Deals with what is owed of m (owed.h). Returns 1 when relay-bounce works on the report, or will:
 * bounce_reaped goes on with m. 0 when it is settled: there is nobody to tell, or relay-bounce could not be started and
 * all stays for later. */
int bounce_start(struct send *s, struct message *m);

/* A child has ended. Returns 1 when it was a relay-bounce of ours: its report is queued; or refused for good, which is
 * a failure of which nobody can be told, as it is when none came about for queue-time after the first that did not; or
 * all stays. */
int bounce_reaped(struct send *s, pid_t pid, int status);

/* Kills those that take too long. */
void bounce_sweep(struct send *s);

/* How many run or wait. */
unsigned bounce_count(struct send const *s);

#endif
