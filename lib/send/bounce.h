/* Bounces: composed, and handed to $QMAILQUEUE or relay-queue as a child, from files in memory, so that nobody waits
 * for it. */
#ifndef SEND_BOUNCE_H
#define SEND_BOUNCE_H

#include "send/send.h"

#define BOUNCE_TIME 3600 /* seconds an injector may take */

/* Deals with m's failures. Returns 1 when an injector works on the bounce, or will: message_bounced follows later. 0
 * when it is settled: there is nobody to tell (the null sender), or no injector could be started and the failures
 * stay for later. */
int bounce_start(struct send *s, struct message *m);

/* A child has ended. Returns 1 when it was an injector of ours. */
int bounce_reaped(struct send *s, pid_t pid, int status);

/* Kills those that take too long. */
void bounce_sweep(struct send *s);

/* How many run or wait. */
unsigned bounce_count(struct send const *s);

#endif
