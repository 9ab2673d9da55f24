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

/* Marks recipients in the file, and syncs it. Without success the message is held (hold.h). */
void outcome_mark(struct send *s, struct message *m, uint32_t const *at, unsigned n);

/* Goes through m->failures: *pos from 0 on. Returns 1 and the recipient's position and the reason, or 0. */
int outcome_failure(struct message const *m, size_t *pos, uint32_t *at, char const **text);

/* The failures are settled: marked, unless the file will be removed anyway. */
void outcome_settle(struct send *s, struct message *m);

/* They are not: their recipients stay. */
void outcome_keep(struct send *s, struct message *m);

#endif
