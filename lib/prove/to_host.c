/* `grant to-host`: prefixes that together are half of the internet. */
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
    if (!classes_bits(&h.first, &h.bits, key + sizeof verb - 1, n - (sizeof verb - 1))) continue;
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

/* One family: the sum of its prefixes, which either hold one another or have nothing in common, the widest, and an
 * address between them. */
static struct host const *sum_up(struct work *w, genalloc const *hosts, uint8_t family, struct amount *sum)
{
  struct host const *h = genalloc_s(struct host, hosts), *widest = 0;
  struct ip next = { .len = family };
  int more = 1; /* next is the first address that is not within a prefix so far */
  for (size_t i = 0; i < genalloc_len(struct host, hosts); i++) {
    if (h[i].first.len != family) continue;
    if (!widest || h[i].bits < widest->bits) widest = h + i;
    if (!more || range_cmp(&h[i].first, &next) < 0) continue;
    if (range_cmp(&h[i].first, &next) > 0) w->outside = next;
    amount_add(sum, &h[i].first, &h[i].last);
    next = h[i].last;
    more = range_next(&next);
  }
  if (more) w->outside = next;
  return widest;
}

static int open_widest(struct work *w, struct host const *h, struct amount const *sum)
{
  struct opening o = { .kind = OPENING_TO_HOST, .amount = *sum };
  if (!h || !amount_is_half(sum) || w->stranger == CLASSES_NONE) return 0;
  o.record = h->record;
  o.way.client = classes_client(w->c, w->stranger)->example;
  range_example(&o.way.mx, &h->first, &h->last);
  int relayed = work_pairs(w, &o.way, 0);
  return relayed > 0 ? work_open(w, &o) : relayed;
}

int open_to_host(struct work *w)
{
  genalloc hosts = GENALLOC_ZERO;
  struct amount v4 = { 0 }, v6 = { 0 };
  int r = gather(w, &hosts);
  w->p->to_host = genalloc_len(struct host, &hosts) != 0;
  if (r == 0) {
    struct host const *six = sum_up(w, &hosts, 16, &v6), *four = sum_up(w, &hosts, 4, &v4);
    r = open_widest(w, four, &v4);
    if (r == 0) r = open_widest(w, six, &v6);
  }
  int e = errno;
  genalloc_free(struct host, &hosts);
  errno = e;
  return r;
}
