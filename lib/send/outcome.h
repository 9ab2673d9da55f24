/* What became of a message's recipients, noted in memory and in its file. For message.c and bounce.c. */
#ifndef SEND_OUTCOME_H
#define SEND_OUTCOME_H

#include "send/message.h"

/* Goes on with a message none of whose deliveries is out. It may be gone afterwards. */
void message_advance(struct send *s, struct message *m);

/* One recipient failed or was deferred: notes and logs it. What is deferred for too long has failed. A delivered one
 * is only logged. */
void outcome_note(struct send *s, struct message *m, size_t at, enum outcome o, char const *text, char const *route);

/* Its destination rests: deferred at least as long. */
void outcome_rest(struct send *s, struct message *m, size_t at, struct destination const *d);

/* A recipient of whom something is to be told and nothing to be delivered (owed.h): notes that. Returns 1 if he is
 * one. */
int outcome_alone(struct send *s, struct message *m, size_t at);

/* What was owed (owed.h) is settled: the letters say so, unless the file will be removed anyway. */
void outcome_settle(struct send *s, struct message *m);

/* They are not: their recipients stay. */
void outcome_keep(struct send *s, struct message *m);

#endif
