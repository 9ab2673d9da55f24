/* Parts of the public internet, as sorted ranges. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/crowd.h"

struct pair4 {
  uint32_t first, last;
};
struct pair6 {
  struct ip first, last;
};

#define PREFIX4(a, b, c, bits) { (uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8, \
  ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8) | (UINT32_MAX >> (bits)) }

/* No public unicast addresses (RFC 6890, RFC 5771, RFC 1112), ascending. */
static struct pair4 const not_public[] = {
  PREFIX4(0, 0, 0, 8), PREFIX4(10, 0, 0, 8), PREFIX4(100, 64, 0, 10), PREFIX4(127, 0, 0, 8), PREFIX4(169, 254, 0, 16),
  PREFIX4(172, 16, 0, 12), PREFIX4(192, 0, 0, 24), PREFIX4(192, 0, 2, 24), PREFIX4(192, 168, 0, 16),
  PREFIX4(198, 18, 0, 15), PREFIX4(198, 51, 100, 24), PREFIX4(203, 0, 113, 24), PREFIX4(224, 0, 0, 3),
};
#define PUBLIC4 (UINT64_C(3702258688)) /* what these leave */

static struct ip const nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 16 }, sixtofour = { { 0x20, 0x02 }, 16 },
  teredo = { { 0x20, 0x01 }, 16 };

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

/* What first..last has in common with low..high. Returns 1, or 0. */
static int overlap(struct pair6 *out, struct ip const *first, struct ip const *last, struct ip const *low,
                   struct ip const *high)
{
  out->first = range_cmp(first, low) > 0 ? *first : *low;
  out->last = range_cmp(last, high) < 0 ? *last : *high;
  return range_cmp(&out->first, &out->last) <= 0;
}

static int overlap_prefix(struct pair6 *out, struct ip const *first, struct ip const *last, struct ip const *ip,
                          unsigned bits)
{
  struct ip high = *ip;
  range_last(&high, bits);
  return overlap(out, first, last, ip, &high);
}

static uint32_t four(struct ip const *ip, unsigned at)
{
  return (uint32_t)ip->b[at] << 24 | (uint32_t)ip->b[at + 1] << 16 | (uint32_t)ip->b[at + 2] << 8 | ip->b[at + 3];
}

static int add4(struct crowd *x, uint32_t first, uint32_t last)
{
  struct pair4 p = { first, last };
  return genalloc_append(struct pair4, &x->v4, &p) ? 0 : nomem();
}

/* The clients of Teredo (RFC 4380 4): the last 32 bits, inverted. Those before them are the server's and the port's. */
static int add_teredo(struct crowd *x, struct pair6 const *p)
{
  struct wide n = range_size(&p->first, &p->last);
  uint32_t first = ~four(&p->first, 12), last = ~four(&p->last, 12);
  if (n.high || n.low > UINT32_MAX) return add4(x, 0, UINT32_MAX);
  if (last <= first) return add4(x, last, first);
  return add4(x, 0, first) < 0 ? -1 : add4(x, last, UINT32_MAX);
}

/* What of first..last is in 2000::/3 and itself alone. */
static int add_global(struct crowd *x, struct ip const *first, struct ip const *last)
{
  static struct pair6 const parts[] = {
    { { { 0x20 }, 16 }, { { 0x20, 0x00, 0xff, 0xff, [4 ... 15] = 0xff }, 16 } },
    { { { 0x20, 0x01, 0x00, 0x01 }, 16 }, { { 0x20, 0x01, [2 ... 15] = 0xff }, 16 } },
    { { { 0x20, 0x03 }, 16 }, { { 0x3f, [1 ... 15] = 0xff }, 16 } },
  };
  struct pair6 p;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (overlap(&p, first, last, &parts[i].first, &parts[i].last) && !genalloc_append(struct pair6, &x->v6, &p))
      return nomem();
  return 0;
}

int crowd_add(struct crowd *x, struct ip const *first, struct ip const *last)
{
  struct pair6 p;
  if (first->len == 4) return add4(x, four(first, 0), four(last, 0));
  if (overlap_prefix(&p, first, last, &nat64, 96) && add4(x, four(&p.first, 12), four(&p.last, 12)) < 0) return -1;
  if (overlap_prefix(&p, first, last, &sixtofour, 16) && add4(x, four(&p.first, 2), four(&p.last, 2)) < 0) return -1;
  if (overlap_prefix(&p, first, last, &teredo, 32) && add_teredo(x, &p) < 0) return -1;
  return add_global(x, first, last);
}

int crowd_add_prefix(struct crowd *x, struct ip const *ip, unsigned bits)
{
  struct ip last = *ip;
  range_last(&last, bits);
  return crowd_add(x, ip, &last);
}

static int by_four(void const *x, void const *y)
{
  struct pair4 const *a = x, *b = y;
  return (a->first > b->first) - (a->first < b->first);
}

static int by_six(void const *x, void const *y)
{
  struct pair6 const *a = x, *b = y;
  return range_cmp(&a->first, &b->first);
}

/* How many of a range are public. */
static uint64_t public_of(uint32_t first, uint32_t last)
{
  uint64_t n = (uint64_t)last - first + 1;
  for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
    uint32_t low = first > not_public[i].first ? first : not_public[i].first;
    uint32_t high = last < not_public[i].last ? last : not_public[i].last;
    if (low <= high) n -= (uint64_t)high - low + 1;
  }
  return n;
}

static uint64_t count4(struct crowd *x)
{
  struct pair4 *p = genalloc_s(struct pair4, &x->v4);
  size_t n = genalloc_len(struct pair4, &x->v4), len = 0;
  uint64_t sum = 0;
  if (n) qsort(p, n, sizeof *p, by_four);
  for (size_t i = 0; i < n; i++) {
    if (len && p[i].first <= p[len - 1].last) {
      if (p[i].last > p[len - 1].last) p[len - 1].last = p[i].last;
    } else p[len++] = p[i];
  }
  genalloc_setlen(struct pair4, &x->v4, len);
  for (size_t i = 0; i < len; i++) sum += public_of(p[i].first, p[i].last);
  return sum;
}

static struct wide count6(struct crowd *x)
{
  struct pair6 *p = genalloc_s(struct pair6, &x->v6);
  size_t n = genalloc_len(struct pair6, &x->v6), len = 0;
  struct wide sum = { 0, 0 };
  if (n) qsort(p, n, sizeof *p, by_six);
  for (size_t i = 0; i < n; i++) {
    if (len && range_cmp(&p[i].first, &p[len - 1].last) <= 0) {
      if (range_cmp(&p[i].last, &p[len - 1].last) > 0) p[len - 1].last = p[i].last;
    } else p[len++] = p[i];
  }
  genalloc_setlen(struct pair6, &x->v6, len);
  for (size_t i = 0; i < len; i++) wide_add(&sum, range_size(&p[i].first, &p[i].last));
  return sum;
}

void crowd_count(struct crowd *x, struct census *n)
{
  n->v4 = count4(x);
  n->v6 = count6(x);
}

void crowd_free(struct crowd *x)
{
  genalloc_free(struct pair4, &x->v4);
  genalloc_free(struct pair6, &x->v6);
}

int census_is_strangers(struct census const *n, uint8_t family)
{
  struct wide most = { UINT64_C(1) << (128 - 13 - 64), 0 };
  return family == 4 ? 16 * n->v4 >= PUBLIC4 : wide_cmp(n->v6, most) >= 0;
}

int census_is_large(struct census const *n)
{
  struct wide most = { UINT64_C(1) << (128 - 16 - 64), 0 };
  return n->v4 > UINT64_C(1) << (32 - 8) || wide_cmp(n->v6, most) > 0;
}

char const *crowd_translated(struct ip const *first, struct ip const *last)
{
  struct pair6 p;
  if (first->len == 4) return 0;
  if (overlap_prefix(&p, first, last, &nat64, 96)) return "NAT64";
  if (overlap_prefix(&p, first, last, &sixtofour, 16)) return "6to4";
  return overlap_prefix(&p, first, last, &teredo, 32) ? "Teredo" : 0;
}
