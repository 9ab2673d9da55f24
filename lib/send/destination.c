/* Destinations: a hash table of them, their queues, and when they rest. */
#include <stdlib.h>
#include <string.h>
#include <skalibs/random.h>
#include "base/log.h"
#include "send/destination.h"
#include "send/retry.h"

#define UNPROVEN_QUEUE 40    /* deliveries that queue for one that never worked: they hold messages active */
#define CROWDED_QUEUE 2      /* the same when half of the messages that may be active are: the rest is for others */
#define PROVEN_QUEUE 500
#define UNPROVEN_REMOTES 5   /* relay-remotes for one that never worked: they may all hang */
#define FIRST_BUCKETS 256

static void grow(struct send *s)
{
  size_t n = s->buckets ? 4 * s->buckets : FIRST_BUCKETS;
  struct destination **bucket = calloc(n, sizeof *bucket);
  if (!bucket) return; /* the chains become longer */
  for (size_t i = 0; i < s->buckets; i++)
    for (struct destination *d = s->bucket[i], *next; d; d = next) {
      next = d->chain;
      d->chain = bucket[d->hash % n];
      bucket[d->hash % n] = d;
    }
  free(s->bucket);
  s->bucket = bucket;
  s->buckets = n;
}

struct destination *destination_get(struct send *s, char const *word)
{
  if (s->destinations >= s->buckets) grow(s);
  if (!s->buckets) return 0;
  uint32_t hash = destination_hash(word);
  struct destination **b = s->bucket + hash % s->buckets;
  for (struct destination *d = *b; d; d = d->chain)
    if (!strcmp(d->word, word)) return d;
  size_t n = strlen(word) + 1;
  struct destination *d = calloc(1, sizeof *d + n);
  if (!d) return 0;
  memcpy(d->word, word, n);
  d->hash = hash;
  d->parked = d->parked_last = SCHEDULE_NONE;
  d->window = UNPROVEN_REMOTES;
  d->chain = *b;
  *b = d;
  s->destinations++;
  return d;
}

unsigned destination_room(struct send const *s, struct destination const *d)
{
  if (d->proven) return PROVEN_QUEUE;
  return 2 * s->active > s->active_most ? CROWDED_QUEUE : UNPROVEN_QUEUE;
}

int destination_full(struct send const *s, struct destination const *d)
{
  return d->late_first || d->queued >= destination_room(s, d);
}

unsigned destination_allowed(struct send const *s, struct destination const *d)
{
  unsigned n = d->window < s->routing.destination ? d->window : s->routing.destination;
  if (!d->proven && n > 1 && 2 * s->remotes > s->remote_most) return 1; /* the rest is for those that do work */
  return n;
}

static void append(struct destination *d, struct delivery *v)
{
  v->next = 0;
  if (d->last) d->last->next = v;
  else d->first = v;
  d->last = v;
  d->queued++;
  v->message->out++;
}

static void append_late(struct destination *d, struct delivery *v)
{
  v->late = d;
  v->late_prev = d->late_last;
  if (d->late_last) d->late_last->next = v;
  else d->late_first = v;
  d->late_last = v;
  v->late_other = v->message->late;
  v->message->late = v;
}

/* Off both lists. */
static void not_late(struct delivery *v)
{
  struct destination *d = v->late;
  struct delivery **link = &v->message->late;
  while (*link != v) link = &(*link)->late_other;
  *link = v->late_other;
  if (v->late_prev) v->late_prev->next = v->next;
  else d->late_first = v->next;
  if (v->next) v->next->late_prev = v->late_prev;
  else d->late_last = v->late_prev;
  v->late = 0;
}

void destination_withdraw(struct message *m)
{
  for (struct delivery *v; (v = m->late);) {
    struct destination *d = v->late;
    not_late(v);
    destination_left(m, d->hash, v->n);
    delivery_free(v);
    if (m->full && m->full != d) m->several = 1;
    if (m->full && (m->full->proven || !d->proven)) continue;
    if (m->full) m->full->holds--;
    m->full = d;
    d->holds++;
  }
}

void destination_fill(struct send *s, struct destination *d, int all)
{
  for (struct delivery *v; (v = d->late_first) && (all || d->queued < destination_room(s, d));) {
    not_late(v);
    append(d, v);
    destination_list(s, d, 0);
  }
}

static struct delivery *begin(struct send const *s, struct destination *d, struct message *m)
{
  struct delivery *v = calloc(1, sizeof *v);
  if (!v) return 0;
  v->message = m;
  if (destination_full(s, d)) append_late(d, v);
  else append(d, v);
  return v;
}

void delivery_free(struct delivery *v)
{
  free(v->at);
  free(v);
}

int destination_add(struct send const *s, struct destination *d, struct message *m, size_t at, char const *address)
{
  size_t bytes = strlen(address) + strlen(store_params(&m->store, at)) + 2;
  struct delivery *v = d->late_last ? d->late_last : d->last;
  if (v && (v->message != m || v->tries || v->n == DELIVERY_RECIPIENTS || v->bytes + bytes > DELIVERY_BYTES)) v = 0;
  if (!v && !(v = begin(s, d, m))) return 0;
  if (v->n == v->room) {
    unsigned room = v->room ? 5 * v->room : 4;
    uint32_t *bigger = realloc(v->at, room * sizeof *bigger);
    if (!bigger) return 0; /* a delivery without recipients is over as soon as its turn comes */
    v->at = bigger;
    v->room = room;
  }
  v->at[v->n++] = (uint32_t)at;
  v->bytes += bytes;
  return 1;
}

struct delivery *destination_pop(struct destination *d)
{
  struct delivery *v = d->first;
  if (!v) return 0;
  d->first = v->next;
  if (!d->first) d->last = 0;
  d->queued--;
  v->next = 0;
  return v;
}

void destination_push(struct destination *d, struct delivery *v)
{
  v->next = d->first;
  d->first = v;
  if (!d->last) d->last = v;
  d->queued++;
}

void destination_succeeded(struct send *s, struct destination *d)
{
  d->failures = 0;
  d->proven = 1;
  d->rest_until = 0;
  if (d->window < s->routing.destination) d->window++;
}

void destination_failed(struct send *s, struct destination *d, char const *reason)
{
  struct log_line l;
  uint32_t random;
  random_buf((char *)&random, sizeof random);
  int64_t rest = retry_rest(++d->failures, random);
  d->rest_until = s->now + rest;
  d->forget_at = d->rest_until + 2 * RETRY_REST_MOST;
  d->window = 1;
  d->proven = 0;
  size_t n = strlen(reason);
  if (n >= sizeof d->reason) n = sizeof d->reason - 1;
  memcpy(d->reason, reason, n);
  d->reason[n] = 0;
  log_start(&l, "rest");
  log_str(&l, "route", d->word);
  log_num(&l, "seconds", (uint64_t)rest);
  log_num(&l, "failures", d->failures);
  log_str(&l, "text", d->reason);
  log_end(&l);
}

static struct destination_list *list_of(struct send *s, struct destination const *d)
{
  switch (d->list) {
    case LIST_READY: return &s->ready;
    case LIST_STARVED: return &s->starved;
    case LIST_WANTING: return &s->wanting;
    default: return &s->doubtful;
  }
}

static void unlist(struct send *s, struct destination *d)
{
  struct destination_list *list = list_of(s, d);
  if (d->list_prev) d->list_prev->list_next = d->list_next;
  else list->first = d->list_next;
  if (d->list_next) d->list_next->list_prev = d->list_prev;
  else list->last = d->list_prev;
  d->list = LIST_NONE;
}

static void append_to(struct send *s, struct destination *d, int which)
{
  if (d->list != LIST_NONE) unlist(s, d);
  d->list = which;
  struct destination_list *list = list_of(s, d);
  d->list_next = 0;
  d->list_prev = list->last;
  if (list->last) list->last->list_next = d;
  else list->first = d;
  list->last = d;
}

void destination_list(struct send *s, struct destination *d, int starved)
{
  if (d->list == LIST_READY || (starved && d->list != LIST_NONE)) return;
  append_to(s, d, !starved ? LIST_READY : d->remotes ? LIST_WANTING : LIST_STARVED);
}

void destination_doubt(struct send *s, struct destination *d)
{
  append_to(s, d, LIST_DOUBTFUL);
}

struct destination *destination_next(struct send *s, int starved)
{
  struct destination *d = !starved ? s->ready.first : s->starved.first ? s->starved.first : s->wanting.first;
  if (d) unlist(s, d);
  return d;
}

void destination_sweep(struct send *s, int wake)
{
  for (size_t i = 0; i < s->buckets; i++)
    for (struct destination **link = s->bucket + i, *d; (d = *link);) {
      if (wake) {
        d->rest_until = 0;
        if (d->forget_at > s->now + 4 * RETRY_REST_MOST) d->forget_at = s->now; /* the clock was set back */
        destination_fill(s, d, 0);
        destination_unpark_all(s, d, s->now, 0);
      }
      else destination_unpark(s, d);
      int needed = d->first || d->late_first || d->remotes || d->holds || d->list != LIST_NONE
        || d->parked != SCHEDULE_NONE;
      if (needed || d->forget_at > s->now) {
        link = &d->chain;
        continue;
      }
      *link = d->chain;
      s->destinations--;
      free(d);
    }
}
