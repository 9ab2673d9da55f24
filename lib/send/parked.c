/* Messages that wait for room at a destination, and how one is known to wait for a single destination without a look
 * into its file: its slot keeps the hash of that destination's word, mixed with the number of the rules by which it was
 * chosen. So a hundred thousand that come due together for a full destination cost no more than their places in the
 * heap, and others' messages are reached behind them at once. A wrong match of hashes would only let a message wait
 * at a stranger's queue for a while. */
#include "send/destination.h"

uint32_t destination_hash(char const *word)
{
  uint64_t h = 14695981039346656037U;
  while (*word) h = (h ^ (unsigned char)*word++) * 1099511628211U;
  return (uint32_t)(h ^ h >> 32);
}

/* The hash as a slot keeps it; the same changes it back. */
static uint32_t mixed(struct send const *s, uint32_t hash)
{
  return hash ^ s->routing.edition * 2654435761U;
}

void destination_left(struct message *m, uint32_t hash, unsigned n)
{
  if (!m->left) m->left_for = hash;
  else if (m->left_for != hash) m->left_mixed = 1;
  m->left += n;
}

/* For whom all that is left waits; SCHEDULE_NONE: for several, or by rules that are no more. */
static uint32_t key(struct send const *s, struct message const *m)
{
  int one = m->ended && m->left && !m->left_mixed && m->edition == s->routing.edition;
  return one ? mixed(s, m->left_for) : SCHEDULE_NONE;
}

void destination_wait(struct send *s, struct message const *m, int64_t when)
{
  s->schedule.slot[m->slot].link = key(s, m);
  schedule_wait(&s->schedule, m->slot, when);
}

static void park(struct send *s, struct destination *d, uint32_t slot, int alone)
{
  struct waiting *w = s->schedule.slot + slot;
  w->link = SCHEDULE_NONE;
  w->flags = (uint8_t)(alone ? w->flags | SLOT_ALONE : w->flags & ~SLOT_ALONE);
  if (d->parked == SCHEDULE_NONE) d->parked = slot;
  else s->schedule.slot[d->parked_last].link = slot;
  d->parked_last = slot;
}

void destination_park(struct send *s, struct destination *d, struct message const *m)
{
  park(s, d, m->slot, key(s, m) == mixed(s, d->hash));
}

int destination_park_unseen(struct send *s, uint32_t slot)
{
  uint32_t hash = mixed(s, s->schedule.slot[slot].link);
  int known = s->schedule.slot[slot].link != SCHEDULE_NONE;
  s->schedule.slot[slot].link = SCHEDULE_NONE;
  if (!known || !s->buckets) return 0;
  struct destination *d = s->bucket[hash % s->buckets];
  while (d && d->hash != hash) d = d->chain;
  if (!d || d->rest_until > s->now || !destination_full(s, d)) return 0;
  park(s, d, slot, 1);
  return 1;
}

static void unpark(struct send *s, struct destination *d, int64_t when)
{
  uint32_t slot = d->parked;
  struct waiting *w = s->schedule.slot + slot;
  d->parked = w->link;
  w->link = w->flags & SLOT_ALONE ? mixed(s, d->hash) : SCHEDULE_NONE;
  schedule_wait(&s->schedule, slot, when);
}

void destination_unpark(struct send *s, struct destination *d)
{
  unsigned room = destination_room(s, d);
  if (d->queued > room / 2) return;
  destination_fill(s, d, 0);
  for (unsigned n = d->queued < room ? room - d->queued : 0; n-- && d->parked != SCHEDULE_NONE;) unpark(s, d, s->now);
}

void destination_unpark_all(struct send *s, struct destination *d, int64_t when, unsigned spread)
{
  for (unsigned n = 0; d->parked != SCHEDULE_NONE; n++) unpark(s, d, when + (spread ? n % spread : 0));
}
