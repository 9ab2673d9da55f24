/* All messages that relay-send knows, in some 40 bytes each: a heap of those that wait for their time, a line of those
 * that have just come, and a hash table of all by ID. Pure. A message has a slot, a number that stays its own until it
 * is dropped. */
#ifndef SEND_SCHEDULE_H
#define SEND_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>
#include "queue/store.h"

#define SCHEDULE_NONE UINT32_MAX

struct waiting {
  int64_t when;      /* seconds since 1970; while it waits */
  uint32_t place;    /* in the heap; SCHEDULE_NONE: not waiting for a time */
  uint32_t link;     /* next of a list, the caller's; of the line and of the free slots */
  uint8_t id[STORE_ID / 2];
  uint8_t flags;     /* the caller's */
  uint32_t trouble;  /* likewise */
};

struct schedule {
  struct waiting *slot;
  uint32_t *heap;    /* slots */
  uint32_t *table;   /* slots, SCHEDULE_NONE: empty; `mask` + 1 of them */
  uint32_t room;     /* slots allocated, and places of the heap */
  uint32_t used;     /* slots ever used */
  uint32_t free;     /* the first of those given back */
  uint32_t fresh;    /* the line: its first slot, SCHEDULE_NONE when there is none, and its last */
  uint32_t fresh_last;
  uint32_t known;    /* messages */
  uint32_t waiting;  /* of these in the heap */
  uint32_t mask;
  uint32_t seed;     /* whoever may write the trigger chooses IDs */
};
#define SCHEDULE_ZERO { .free = SCHEDULE_NONE, .fresh = SCHEDULE_NONE }

/* The message's slot, or SCHEDULE_NONE. The ID is valid (store_id_valid). */
uint32_t schedule_find(struct schedule const *s, char const *id);

/* Makes an unknown message known; it waits for nothing yet. Returns its slot, or SCHEDULE_NONE without memory. */
uint32_t schedule_add(struct schedule *s, char const *id);

/* Forgets it. */
void schedule_drop(struct schedule *s, uint32_t slot);

void schedule_id(struct schedule const *s, uint32_t slot, char id[STORE_ID + 1]);

/* Lets it wait until `when`, or changes until when it waits. Needs no memory. */
void schedule_wait(struct schedule *s, uint32_t slot, int64_t when);

/* The earliest that waits, or SCHEDULE_NONE; and takes it out of the heap: it stays known. */
uint32_t schedule_first(struct schedule const *s);
void schedule_take(struct schedule *s, uint32_t slot);

/* Puts a slot that waits for nothing, and is in no list, at the end of the line; takes the first out, or returns
 * SCHEDULE_NONE. A slot in the line is neither given a time nor dropped. */
void schedule_line_up(struct schedule *s, uint32_t slot);
uint32_t schedule_take_fresh(struct schedule *s);

/* Nothing in the heap waits for longer than `when`. */
void schedule_hurry(struct schedule *s, int64_t when);

void schedule_free(struct schedule *s);

#endif
