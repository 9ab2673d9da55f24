/* What is started next: of the messages whose time has come, and of those that have just arrived. */
#ifndef SEND_DUE_H
#define SEND_DUE_H

#include "send/send.h"

/* May messages be started at all? */
int due_may_start(struct send const *s);

/* Starts some of what is due, by turns one that has just arrived and one that was due before: so neither waits behind
 * any number of the other. Returns 1 when more may be due: to be called again after a look at events. */
int due_run(struct send *s);

/* When the next is due (seconds since 1970; the past, too), or `otherwise` when nothing waits, or nothing may be
 * started. */
int64_t due_when(struct send const *s, int64_t otherwise);

#endif
