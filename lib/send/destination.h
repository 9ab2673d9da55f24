/* Destinations: found by their word, their queues, how many relay-remotes they may have, and when they rest. */
#ifndef SEND_DESTINATION_H
#define SEND_DESTINATION_H

#include "send/send.h"

/* The destination of a route's word; made when there is none. Null without memory. */
struct destination *destination_get(struct send *s, char const *word);

/* The hash of a word. */
uint32_t destination_hash(char const *word);

/* How many deliveries its queue may hold. */
unsigned destination_room(struct send const *s, struct destination const *d);

/* Has its queue no room for a further message's recipients, or do late ones wait already? One that has not shown
 * that it works has little, and less when many messages are active. */
int destination_full(struct send const *s, struct destination const *d);

/* How many relay-remotes it may have now: few until it has shown that it works, one after it failed. */
unsigned destination_allowed(struct send const *s, struct destination const *d);

/* Adds a recipient to m's delivery in its queue, or begins one (m->out counts them); a late one when there is no
 * room. Returns 1, or 0 without memory. */
int destination_add(struct send const *s, struct destination *d, struct message *m, size_t at, char const *address);

void delivery_free(struct delivery *v);

/* m's late deliveries are no more; their recipients are left (m->left), and one of their destinations, a
 * proven one if there is any, is m->full. */
void destination_withdraw(struct message *m);

/* Queues late deliveries while there is room, or all of them. */
void destination_fill(struct send *s, struct destination *d, int all);

/* The queue's front. */
struct delivery *destination_pop(struct destination *d);
void destination_push(struct destination *d, struct delivery *v);

/* n recipients of m are left for a later round, because of the destination with that hash. */
void destination_left(struct message *m, uint32_t hash, unsigned n);

/* m, which is about to be closed, waits: until `when`, or until d's queue has room. When all that is left of it is for
 * one destination its slot remembers that. */
void destination_wait(struct send *s, struct message const *m, int64_t when);
void destination_park(struct send *s, struct destination *d, struct message const *m);
/* Parks a slot that has come due and waits for nothing, when it remembers a destination and that one is full. Returns 0
 * when the message must be looked at. */
int destination_park_unseen(struct send *s, uint32_t slot);
/* When it has room, queues late deliveries, then makes some of the parked messages due; and all, from `when` on,
 * spread over some seconds. */
void destination_unpark(struct send *s, struct destination *d);
void destination_unpark_all(struct send *s, struct destination *d, int64_t when, unsigned spread);

void destination_succeeded(struct send *s, struct destination *d);
/* It can't be reached: it rests, longer each time. The queue is the caller's to empty. */
void destination_failed(struct send *s, struct destination *d, char const *reason);

/* Lists of those that have something to run: ready ones, and (starved) those that wait for a place for a relay-remote;
 * of these such that have none at all come first. A starved one that is listed as ready is so from then on. */
void destination_list(struct send *s, struct destination *d, int starved);
struct destination *destination_next(struct send *s, int starved);
/* It waits until one of those that failed before gives up a place (s->doubtful). */
void destination_doubt(struct send *s, struct destination *d);

/* Forgets those that nothing needs any longer. With `wake`, ends every rest. */
void destination_sweep(struct send *s, int wake);

#endif
