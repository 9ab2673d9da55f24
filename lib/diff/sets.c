/* Lists of numbers, each kept once, so that lists can be compared by their numbers. */
#include <errno.h>
#include <string.h>
#include "diff/model.h"

static uint32_t hash_of(uint32_t const *list, size_t n)
{
  uint32_t h = 2166136261U;
  for (size_t i = 0; i < n; i++) {
    h = (h ^ list[i]) * 16777619U;
    h ^= h >> 15;
  }
  return h;
}

uint32_t const *sets_get(struct sets const *x, uint32_t set, size_t *n)
{
  static uint32_t const nothing[1];
  if (set >= genalloc_len(struct set_place, &x->all)) return *n = 0, nothing;
  struct set_place const *p = genalloc_s(struct set_place, &x->all) + set;
  *n = p->n;
  return genalloc_s(uint32_t, &x->pool) + p->at;
}

/* Makes twice the room, and puts all sets into it. */
static int grow(struct sets *x)
{
  size_t n = genalloc_len(uint32_t, &x->slots), size = n ? 2 * n : 64;
  genalloc slots = GENALLOC_ZERO;
  if (!genalloc_ready(uint32_t, &slots, size)) return errno = ENOMEM, -1;
  uint32_t *s = genalloc_s(uint32_t, &slots);
  memset(s, 0, size * sizeof *s);
  for (size_t i = 0; i < genalloc_len(struct set_place, &x->all); i++) {
    size_t at = genalloc_s(struct set_place, &x->all)[i].hash & (size - 1);
    while (s[at]) at = (at + 1) & (size - 1);
    s[at] = (uint32_t)i + 1;
  }
  genalloc_setlen(uint32_t, &slots, size);
  genalloc_free(uint32_t, &x->slots);
  x->slots = slots;
  return 0;
}

static int insert(struct sets *x, uint32_t const *list, size_t n, uint32_t *set)
{
  size_t slots = genalloc_len(uint32_t, &x->slots), have = genalloc_len(struct set_place, &x->all), m;
  if (2 * have >= slots && grow(x) < 0) return -1;
  slots = genalloc_len(uint32_t, &x->slots);
  struct set_place p = { genalloc_len(uint32_t, &x->pool), n, hash_of(list, n) };
  uint32_t *s = genalloc_s(uint32_t, &x->slots);
  size_t at = p.hash & (slots - 1);
  for (; s[at]; at = (at + 1) & (slots - 1)) {
    uint32_t const *other = sets_get(x, s[at] - 1, &m);
    if (m == n && (!n || !memcmp(other, list, n * sizeof *list))) return *set = s[at] - 1, 0;
  }
  if (!genalloc_catb(uint32_t, &x->pool, list, n) || !genalloc_append(struct set_place, &x->all, &p))
    return errno = ENOMEM, -1;
  s[at] = (uint32_t)have + 1;
  *set = (uint32_t)have;
  return 0;
}

int sets_add(struct sets *x, uint32_t const *list, size_t n, uint32_t *set)
{
  static uint32_t const nothing[1];
  if (!genalloc_len(struct set_place, &x->all) && insert(x, nothing, 0, set) < 0) return -1;
  return insert(x, n ? list : nothing, n, set);
}

void sets_free(struct sets *x)
{
  genalloc_free(uint32_t, &x->pool);
  genalloc_free(struct set_place, &x->all);
  genalloc_free(uint32_t, &x->slots);
}
