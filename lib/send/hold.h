/* Messages whose marks could not be written: who has them is known in memory alone, so they stay active until their
 * files know it. */
#ifndef SEND_HOLD_H
#define SEND_HOLD_H

#include "send/send.h"

#define HOLD_LEAST 1   /* seconds until the marks are tried again, first */
#define HOLD_MOST 60   /* and at most */
#define HOLD_FEW 20    /* so many of them, and nothing is started: it would be delivered twice after a restart */

/* A mark of m failed, with errno. One whose file is gone needs none. */
void hold_add(struct send *s, struct message *m);

/* m needs its marks no longer. Harmless without. */
void hold_drop(struct send *s, struct message *m);

/* Tries them again when it is time, or `now`; messages that waited only for that are finished. */
void hold_retry(struct send *s, int now);

/* May messages and deliveries be started? */
int hold_few(struct send const *s);

#endif
