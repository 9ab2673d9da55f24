/* Address classes in the order of a walk that goes from wide ones to narrower ones, and in groups by their traits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

#define SENDER_TRAITS 8 /* above all traits of a sender */

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

/* The narrower ones of each class as a list through next, beginning at first; both have n + 1 entries, the last for the
 * widest. */
static void walk(struct model *m, struct classes const *c, uint32_t *first, uint32_t *next, size_t n)
{
  uint32_t place = 0;
  for (size_t i = 0; i <= n; i++) first[i] = NONE32;
  for (size_t i = n; i--; ) {
    size_t wider = classes_address(c, i)->wider, from = wider == CLASSES_NONE ? n : wider;
    next[i] = first[from];
    first[from] = (uint32_t)i;
  }
  for (size_t at = first[n]; ; ) {
    m->order[place] = (uint32_t)at;
    m->place[at] = place++;
    if (first[at] != NONE32) {
      at = first[at];
      continue;
    }
    for (;;) {
      m->end[at] = place;
      if (next[at] != NONE32) break;
      at = classes_address(c, at)->wider;
      if (at == CLASSES_NONE) return;
    }
    at = next[at];
  }
}

int order_make(struct diff *d)
{
  struct model *m = d->model;
  size_t n = classes_addresses(&d->classes);
  uint32_t *first = malloc((n + 1) * sizeof *first), *next = malloc((n + 1) * sizeof *next);
  m->order = malloc(n * sizeof *m->order);
  m->place = malloc(n * sizeof *m->place);
  m->end = malloc(n * sizeof *m->end);
  int ok = first && next && m->order && m->place && m->end;
  if (ok) walk(m, &d->classes, first, next, n);
  free(first);
  free(next);
  return ok ? 0 : nomem();
}

/* Who is denied is not looked at further; what is hosted needs no grant. */
static unsigned reduce(struct diff const *d, int recipient, unsigned t)
{
  if (!recipient) return t;
  if (t & RECIPIENT_ONWARD) return RECIPIENT_ONWARD;
  if (t & RECIPIENT_DENIED) return RECIPIENT_DENIED;
  if (t & RECIPIENT_HOSTED) return t & (RECIPIENT_HOSTED | RECIPIENT_VALID | RECIPIENT_ASKED);
  t &= RECIPIENT_GRANTED | (d->model->to_host ? RECIPIENT_LITERAL | RECIPIENT_ROUTED : 0);
  return t & RECIPIENT_GRANTED ? t & ~(unsigned)RECIPIENT_ROUTED : t;
}

static int find_traits(struct diff const *d, int recipient, size_t class, unsigned traits[2])
{
  struct address a;
  struct address const *example = classes_example(&d->classes, classes_address(&d->classes, class), &a);
  for (unsigned t = 0; t < 2; t++) {
    int r = recipient ? classes_recipient_traits(d->t[t], example, traits + t)
      : classes_sender_traits(d->t[t], example, traits + t);
    if (r < 0) return errno = EPROTO, -1;
    traits[t] = reduce(d, recipient, traits[t]);
  }
  return 0;
}

/* The pair of these traits: its number. A new one is appended. */
static uint32_t pair_of(struct side *s, uint32_t *number, unsigned const t[2], unsigned stamps)
{
  uint32_t n = (uint32_t)genalloc_len(struct pair, &s->pairs);
  struct pair p = { .traits = { t[0], t[1] }, .stamps = stamps };
  if (*number) return *number - 1;
  struct pair const *all = genalloc_s(struct pair, &s->pairs);
  while (p.like < n && memcmp(all[p.like].traits, t, sizeof p.traits)) p.like++;
  if (!genalloc_append(struct pair, &s->pairs, &p)) return NONE32;
  *number = n + 1;
  return n;
}

/* In which numbers[..] has for each two traits, and a sender's stamps, the number of their pair plus 1. */
static int side_make(struct diff *d, struct side *s, uint32_t *numbers)
{
  size_t n = classes_addresses(&d->classes);
  uint32_t *fill = 0;
  if (!(s->pair = malloc(n * sizeof *s->pair))) return nomem();
  for (size_t i = 0; i < n; i++) {
    struct address_class const *k = classes_address(&d->classes, i);
    unsigned t[2];
    s->pair[i] = NONE32;
    if (!(s->recipient ? k->recipient : k->sender)) continue;
    if (find_traits(d, s->recipient, i, t) < 0) return -1;
    unsigned stamps = s->recipient ? 0 : d->model->stamps.able[i];
    unsigned at = s->recipient ? t[0] * TRAITS + t[1] : (t[0] * SENDER_TRAITS + t[1]) * STAMP_KINDS + stamps;
    if ((s->pair[i] = pair_of(s, numbers + at, t, stamps)) == NONE32) return nomem();
    genalloc_s(struct pair, &s->pairs)[s->pair[i]].n++;
  }
  struct pair *pairs = genalloc_s(struct pair, &s->pairs);
  for (size_t i = 0; i < genalloc_len(struct pair, &s->pairs); i++) {
    if (!(pairs[i].places = malloc(pairs[i].n * sizeof *fill))) return nomem();
    pairs[i].n = 0;
  }
  for (size_t place = 0; place < n; place++) {
    uint32_t number = s->pair[d->model->order[place]];
    if (number != NONE32) pairs[number].places[pairs[number].n++] = (uint32_t)place;
  }
  return 0;
}

int sides_make(struct diff *d)
{
  uint32_t *numbers = calloc(2 * TRAITS * TRAITS, sizeof *numbers);
  if (!numbers) return nomem();
  d->model->recipients.recipient = 1;
  int r = side_make(d, &d->model->senders, numbers);
  if (r == 0) r = side_make(d, &d->model->recipients, numbers + TRAITS * TRAITS);
  int e = errno;
  free(numbers);
  return errno = e, r;
}

/* The first of the pair's places that is not below `place`; end: where they end. */
static size_t at_least(struct pair const *p, uint32_t place)
{
  size_t low = 0, high = p->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (p->places[middle] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* The first of the marks whose place is not below `place`; n: there is none. */
static size_t mark_from(struct model const *m, size_t const *marks, size_t n, uint32_t place)
{
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (m->place[marks[middle]] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

size_t side_find(struct model const *m, struct side const *s, uint32_t pair, size_t mark, size_t const *marks, size_t n)
{
  struct pair const *p = genalloc_s(struct pair, &s->pairs) + pair;
  uint32_t from = mark == CLASSES_NONE ? 0 : m->place[mark], end = mark == CLASSES_NONE ? NONE32 : m->end[mark];
  for (size_t i = mark_from(m, marks, n, from); i <= n; i++) {
    if (i < n && (marks[i] == mark || m->place[marks[i]] < from)) continue;
    uint32_t next = i < n ? m->place[marks[i]] : end;
    if (next > end) next = end;
    size_t at = at_least(p, from);
    if (at < p->n && p->places[at] < next) return m->order[p->places[at]];
    if (next == end) break;
    from = m->end[marks[i]];
  }
  return CLASSES_NONE;
}

unsigned diff_traits(struct diff const *d, int recipient, size_t class, unsigned table)
{
  struct side const *s = recipient ? &d->model->recipients : &d->model->senders;
  while (class != CLASSES_NONE && s->pair[class] == NONE32) class = classes_address(&d->classes, class)->wider;
  return class == CLASSES_NONE ? 0 : genalloc_s(struct pair, &s->pairs)[s->pair[class]].traits[table];
}
