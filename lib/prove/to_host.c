/* `grant to-host`: prefixes that together are too large a part of the internet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/gate.h"
#include "prove/work.h"

static char const verb[] = "grant to-host ";

/* A prefix. */
struct host {
  struct ip first, last;
  unsigned bits;
  struct record record;
};

static int by_first(void const *x, void const *y)
{
  struct host const *a = x, *b = y;
  int r = range_cmp(&a->first, &b->first);
  return r ? r : (int)a->bits - (int)b->bits;
}

/* Is the length among those that are asked for? */
static int is_asked(struct work *w, struct host const *h)
{
  struct record r;
  int found = work_line(w, h->first.len == 4 ? "grant to-host/4" : "grant to-host/6", &r);
  return found <= 0 ? found : memchr(r.data, (int)h->bits, r.len) != 0;
}

static int gather(struct work *w, genalloc *hosts)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct host h;
  int more;
  while ((more = table_next(w->t, &pos, &which, &key, &n, &h.record)) > 0) {
    if (which != TABLE_RELAY || n < sizeof verb || memcmp(key, verb, sizeof verb - 1)) continue;
    if (!gate_cidr_scan(&h.first, &h.bits, key + sizeof verb - 1, n - (sizeof verb - 1))) continue;
    h.last = h.first;
    range_last(&h.last, h.bits);
    int asked = is_asked(w, &h);
    if (asked < 0) return -1;
    if (asked && !genalloc_append(struct host, hosts, &h)) return errno = ENOMEM, -1;
  }
  if (more < 0) return errno = EPROTO, -1;
  struct host *s = genalloc_s(struct host, hosts);
  if (s) qsort(s, genalloc_len(struct host, hosts), sizeof *s, by_first);
  return 0;
}

/* What the prefixes are together, and of which the largest part is: of IPv4, of IPv6. */
struct sum {
  struct crowd crowd;
  struct host const *largest[2];
  struct census most;
};

static int add(struct sum *x, struct host const *h)
{
  struct crowd alone = CROWD_ZERO;
  struct census n;
  int r = crowd_add(&alone, &h->first, &h->last);
  if (r == 0) r = crowd_add(&x->crowd, &h->first, &h->last);
  crowd_count(&alone, &n);
  crowd_free(&alone);
  if (n.v4 > x->most.v4 || (n.v4 == x->most.v4 && h->first.len == 4)) x->most.v4 = n.v4, x->largest[0] = h;
  if (wide_cmp(n.v6, x->most.v6) > 0) x->most.v6 = n.v6, x->largest[1] = h;
  return r;
}

/* The prefixes of a family either hold one another or have nothing in common. Finds an address between them, too. */
static int sum_up(struct work *w, genalloc const *hosts, uint8_t family, struct sum *sum)
{
  struct host const *h = genalloc_s(struct host, hosts);
  struct ip next = { .len = family };
  int more = 1; /* next is the first address that is not within a prefix so far */
  for (size_t i = 0; i < genalloc_len(struct host, hosts); i++) {
    if (h[i].first.len != family || !more || range_cmp(&h[i].first, &next) < 0) continue;
    if (range_cmp(&h[i].first, &next) > 0) w->outside = next;
    if (add(sum, h + i) < 0) return -1;
    next = h[i].last;
    more = range_next(&next);
  }
  if (more) w->outside = next;
  return 0;
}

static int open_largest(struct work *w, struct host const *h, struct census const *n, uint8_t family)
{
  struct opening o = { .kind = OPENING_TO_HOST, .family = family };
  if (!h || !census_is_strangers(n, family) || w->stranger == CLASSES_NONE) return 0;
  o.record = h->record;
  o.way.client = classes_client(w->c, w->stranger)->example;
  range_example(&o.way.mx, &h->first, &h->last);
  int relayed = work_pairs(w, &o.way, 0);
  return relayed > 0 ? work_open(w, &o) : relayed;
}

int open_to_host(struct work *w)
{
  genalloc hosts = GENALLOC_ZERO;
  struct sum sum = { .crowd = CROWD_ZERO };
  struct census n;
  int r = gather(w, &hosts);
  w->p->to_host = genalloc_len(struct host, &hosts) != 0;
  if (r == 0) r = sum_up(w, &hosts, 16, &sum);
  if (r == 0) r = sum_up(w, &hosts, 4, &sum);
  crowd_count(&sum.crowd, &n);
  if (r == 0) r = open_largest(w, sum.largest[0], &n, 4);
  if (r == 0 && sum.largest[1] != sum.largest[0]) r = open_largest(w, sum.largest[1], &n, 16);
  int e = errno;
  genalloc_free(struct host, &hosts);
  crowd_free(&sum.crowd);
  errno = e;
  return r;
}
