/* Clients by prefixes: those that the rules themselves name, from wide ones to narrower ones. What belongs to a prefix
 * and to no narrower one is seen alike by both tables, so one address speaks for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/classes.h"
#include "diff/model.h"
#include "policy/gate.h"

static int add(genalloc *all, struct ip const *ip, unsigned bits, int open)
{
  struct prefix p = { .ip = *ip, .bits = (uint8_t)bits, .open = open != 0 };
  return genalloc_append(struct prefix, all, &p) ? 0 : (errno = ENOMEM, -1);
}

static int add_key(genalloc *all, enum table which, char const *key, size_t n)
{
  static char const verb[] = "grant device ";
  struct ip ip;
  unsigned bits;
  if (which == TABLE_RELAY) {
    if (n < sizeof verb || memcmp(key, verb, sizeof verb - 1)) return 0;
    key += sizeof verb - 1;
    n -= sizeof verb - 1;
    char const *blank = memchr(key, ' ', n);
    if (blank) n = (size_t)(blank - key);
    return gate_cidr_scan(&ip, &bits, key, n) ? add(all, &ip, bits, 0) : 0;
  }
  if (which != TABLE_CLIENTS) return 0;
  for (size_t i = n; i--; ) { /* user@address */
    if (key[i] != '@') continue;
    key += i + 1;
    n -= i + 1;
    break;
  }
  return gate_prefix_scan(&ip, &bits, key, n) ? add(all, &ip, bits, 0) : 0;
}

/* By first address, wide ones first; open ones last, so that they are dropped as doubles. */
static int by_first(void const *x, void const *y)
{
  struct prefix const *a = x, *b = y;
  int r = range_cmp(&a->ip, &b->ip);
  if (r) return r;
  return a->bits != b->bits ? (a->bits < b->bits ? -1 : 1) : b->open - a->open;
}

/* Looks in each for an address that no narrower one holds: `next` is the first behind those so far. */
static void find_examples(struct prefix *p, size_t n)
{
  struct ip last[130], next[130];
  size_t open[130], depth = 0; /* those around the one at hand; there are at most 129 */
  for (size_t i = 0; i <= n; i++) {
    while (depth && (i == n || range_cmp(&p[i].ip, last + depth - 1) > 0)) {
      depth--;
      p[open[depth]].example = next[depth];
      if (!depth || !next[depth - 1].len || range_cmp(next + depth - 1, &p[open[depth]].ip)) continue;
      next[depth - 1] = last[depth];
      if (!range_cmp(last + depth, last + depth - 1) || !range_next(next + depth - 1)) next[depth - 1].len = 0;
    }
    if (i == n) break;
    open[depth] = i;
    next[depth] = last[depth] = p[i].ip;
    range_last(last + depth, p[i].bits);
    depth++;
  }
}

int prefixes_make(struct diff *d)
{
  static struct ip const all4 = { .len = 4 }, all6 = { .len = 16 }, mapped = { { [10] = 0xff, [11] = 0xff }, 16 };
  genalloc *all = &d->model->prefixes;
  uint32_t pos;
  enum table which;
  char const *key;
  size_t n, len = 0;
  struct record r;
  if (add(all, &all4, 0, 0) < 0 || add(all, &all6, 0, 0) < 0 || add(all, &mapped, 96, 1) < 0) return -1;
  for (unsigned t = 0; t < 2; t++) {
    int more;
    for (pos = 0; (more = table_next(d->t[t], &pos, &which, &key, &n, &r)) > 0; )
      if (add_key(all, which, key, n) < 0) return -1;
    if (more < 0) return errno = EPROTO, -1;
  }
  struct prefix *p = genalloc_s(struct prefix, all);
  n = genalloc_len(struct prefix, all);
  qsort(p, n, sizeof *p, by_first);
  for (size_t i = 0; i < n; i++)
    if (!len || range_cmp(&p[len - 1].ip, &p[i].ip) || p[len - 1].bits != p[i].bits) p[len++] = p[i];
  genalloc_setlen(struct prefix, all, len);
  find_examples(p, len);
  return 0;
}

/* The span (of n, ascending) that holds the address, or null. */
static struct span const *find_span(struct span const *s, size_t n, struct ip const *ip)
{
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (range_cmp(&s[middle].last, ip) < 0) low = middle + 1;
    else high = middle;
  }
  return low < n && range_cmp(&s[low].first, ip) <= 0 ? s + low : 0;
}

/* Does p lie within q, which begins before it or with it? */
static int within(struct prefix const *p, struct diff_prefix const *q)
{
  struct ip last = q->ip;
  range_last(&last, q->bits);
  return range_cmp(&p->ip, &last) <= 0;
}

int prefixes_describe(genalloc *out, struct diff const *d, struct span const *s, size_t n)
{
  struct prefix const *p = genalloc_s(struct prefix, &d->model->prefixes);
  struct diff_prefix around[130]; /* what those around the one at hand say */
  size_t depth = 0;
  for (size_t i = 0; i < genalloc_len(struct prefix, &d->model->prefixes); i++) {
    while (depth && !within(p + i, around + depth - 1)) depth--;
    struct diff_prefix now = { .ip = p[i].ip, .bits = p[i].bits };
    if (depth) now.in = around[depth - 1].in, memcpy(now.line, around[depth - 1].line, sizeof now.line);
    struct diff_prefix before = now;
    if (!p[i].open && p[i].example.len) {
      struct span const *span = find_span(s, n, &p[i].example);
      now.in = span != 0;
      if (span) memcpy(now.line, span->line, sizeof now.line);
      else memset(now.line, 0, sizeof now.line);
    }
    if ((now.in != before.in || memcmp(now.line, before.line, sizeof now.line)) &&
        !genalloc_append(struct diff_prefix, out, &now)) return errno = ENOMEM, -1;
    around[depth++] = now;
  }
  return 0;
}
