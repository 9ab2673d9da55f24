/* The pool: which destination gets a relay-remote, and which relay-remote the next delivery. */
#ifndef SEND_POOL_H
#define SEND_POOL_H

#include "send/remote.h"

#define POOL_ROW 50  /* jobs in a row, after which one gives way when other destinations have none */
#define POOL_TIME 60 /* seconds, the same */

/* Runs the destinations that are ready, until all is under way or has no place. */
void pool_run(struct send *s);

/* r has done its job. */
void pool_idle(struct send *s, struct remote *r);

/* r leaves the lists of idle ones, if it was in them. */
void pool_not_idle(struct send *s, struct remote *r);

/* A place may be free: the destination that has waited longest is ready. */
void pool_feed(struct send *s);

/* A relay-remote left before it took the delivery, which is queued again, first. No try: the idle ones are few. */
void pool_untried(struct send *s, struct destination *d, struct delivery *v);

/* A delivery did not come about: queued again, or deferred after too many tries. With `down` the destination rests, and
 * all that it queues is deferred. */
void pool_again(struct send *s, struct destination *d, struct delivery *v, char const *text, int down);

/* r's destination is no longer one that failed before, or r ends: another such one may try. */
void pool_no_doubt(struct send *s, struct remote *r);

/* Ends the idle ones. */
void pool_end_idle(struct send *s);

#endif
