/* All known messages: slots, a binary heap of slots by time, an open hash table of slots by ID. */
#include <stdlib.h>
#include <string.h>
#include "send/schedule.h"

#define FIRST 256 /* slots allocated at first */

static unsigned digit(char c)
{
  return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void pack(uint8_t out[STORE_ID / 2], char const *id)
{
  for (unsigned i = 0; i < STORE_ID / 2; i++) out[i] = (uint8_t)(digit(id[2 * i]) << 4 | digit(id[2 * i + 1]));
}

static uint32_t hash(struct schedule const *s, uint8_t const id[STORE_ID / 2])
{
  uint32_t h = 2166136261U ^ s->seed;
  for (unsigned i = 0; i < STORE_ID / 2; i++) h = (h ^ id[i]) * 16777619U;
  h ^= h >> 15;
  h *= 0x2c1b3c6dU;
  return h ^ h >> 13;
}

/* Where in the table the ID is, or the empty place where it would be. The table is never full. */
static uint32_t probe(struct schedule const *s, uint8_t const id[STORE_ID / 2])
{
  uint32_t i = hash(s, id) & s->mask;
  while (s->table[i] != SCHEDULE_NONE && memcmp(s->slot[s->table[i]].id, id, STORE_ID / 2)) i = (i + 1) & s->mask;
  return i;
}

uint32_t schedule_find(struct schedule const *s, char const *id)
{
  uint8_t packed[STORE_ID / 2];
  if (!s->table) return SCHEDULE_NONE;
  pack(packed, id);
  return s->table[probe(s, packed)];
}

/* Doubles everything; the table keeps twice as many places as there are slots. */
static int grow(struct schedule *s)
{
  uint32_t room = s->room ? 2 * s->room : FIRST;
  if (room > SCHEDULE_NONE / 4) return 0;
  struct waiting *slot = realloc(s->slot, room * sizeof *slot);
  if (!slot) return 0;
  s->slot = slot;
  uint32_t *heap = realloc(s->heap, room * sizeof *heap);
  if (!heap) return 0;
  s->heap = heap;
  uint32_t *table = malloc(2 * (size_t)room * sizeof *table);
  if (!table) return 0;
  uint32_t *old = s->table, places = old ? s->mask + 1 : 0;
  memset(table, 0xff, 2 * (size_t)room * sizeof *table);
  s->table = table;
  s->mask = 2 * room - 1;
  s->room = room;
  for (uint32_t i = 0; i < places; i++)
    if (old[i] != SCHEDULE_NONE) table[probe(s, s->slot[old[i]].id)] = old[i];
  free(old);
  return 1;
}

uint32_t schedule_add(struct schedule *s, char const *id)
{
  uint32_t n = s->free;
  if (n != SCHEDULE_NONE) s->free = s->slot[n].link;
  else if (s->used < s->room || grow(s)) n = s->used++;
  else return SCHEDULE_NONE;
  struct waiting *w = s->slot + n;
  *w = (struct waiting){ .place = SCHEDULE_NONE, .link = SCHEDULE_NONE };
  pack(w->id, id);
  s->table[probe(s, w->id)] = n;
  s->known++;
  return n;
}

/* Takes a place out of the table and moves those behind it up, so that no search ends too early (Knuth 6.4,
 * algorithm R). */
static void unhash(struct schedule *s, uint32_t hole)
{
  for (uint32_t i = hole;;) {
    s->table[hole] = SCHEDULE_NONE;
    uint32_t home;
    do {
      i = (i + 1) & s->mask;
      if (s->table[i] == SCHEDULE_NONE) return;
      home = hash(s, s->slot[s->table[i]].id) & s->mask;
    } while (((i - home) & s->mask) < ((i - hole) & s->mask));
    s->table[hole] = s->table[i];
    hole = i;
  }
}

void schedule_drop(struct schedule *s, uint32_t n)
{
  schedule_take(s, n);
  unhash(s, probe(s, s->slot[n].id));
  s->slot[n].link = s->free;
  s->free = n;
  s->known--;
}

void schedule_id(struct schedule const *s, uint32_t n, char id[STORE_ID + 1])
{
  for (unsigned i = 0; i < STORE_ID; i++) id[i] = "0123456789abcdef"[s->slot[n].id[i / 2] >> (i % 2 ? 0 : 4) & 15];
  id[STORE_ID] = 0;
}

static void put(struct schedule *s, uint32_t place, uint32_t n)
{
  s->heap[place] = n;
  s->slot[n].place = place;
}

/* Moves slot n, which is to be at `place`, to where the heap is in order. */
static void settle(struct schedule *s, uint32_t place, uint32_t n)
{
  int64_t when = s->slot[n].when;
  while (place && s->slot[s->heap[(place - 1) / 2]].when > when) {
    put(s, place, s->heap[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  for (;;) {
    uint32_t child = 2 * place + 1;
    if (child >= s->waiting) break;
    if (child + 1 < s->waiting && s->slot[s->heap[child + 1]].when < s->slot[s->heap[child]].when) child++;
    if (s->slot[s->heap[child]].when >= when) break;
    put(s, place, s->heap[child]);
    place = child;
  }
  put(s, place, n);
}

void schedule_wait(struct schedule *s, uint32_t n, int64_t when)
{
  s->slot[n].when = when;
  settle(s, s->slot[n].place != SCHEDULE_NONE ? s->slot[n].place : s->waiting++, n);
}

uint32_t schedule_first(struct schedule const *s)
{
  return s->waiting ? s->heap[0] : SCHEDULE_NONE;
}

void schedule_take(struct schedule *s, uint32_t n)
{
  uint32_t place = s->slot[n].place;
  if (place == SCHEDULE_NONE) return;
  s->slot[n].place = SCHEDULE_NONE;
  if (place != --s->waiting) settle(s, place, s->heap[s->waiting]);
}

void schedule_line_up(struct schedule *s, uint32_t n)
{
  s->slot[n].link = SCHEDULE_NONE;
  if (s->fresh == SCHEDULE_NONE) s->fresh = n;
  else s->slot[s->fresh_last].link = n;
  s->fresh_last = n;
}

uint32_t schedule_take_fresh(struct schedule *s)
{
  uint32_t n = s->fresh;
  if (n == SCHEDULE_NONE) return n;
  s->fresh = s->slot[n].link;
  s->slot[n].link = SCHEDULE_NONE;
  return n;
}

void schedule_hurry(struct schedule *s, int64_t when)
{
  for (uint32_t i = 0; i < s->waiting; i++) /* what was in order stays so */
    if (s->slot[s->heap[i]].when > when) s->slot[s->heap[i]].when = when;
}

void schedule_free(struct schedule *s)
{
  free(s->slot);
  free(s->heap);
  free(s->table);
  *s = (struct schedule)SCHEDULE_ZERO;
}
