/* The keys so far, for the complaint about a second one. */
#include <string.h>
#include "rules/rules.h"

static uint32_t hash_key(enum table which, char const *key, size_t len)
{
  uint32_t h = 5381U * 33U ^ (uint32_t)which;
  for (size_t i = 0; i < len; i++) h = (h + (h << 5)) ^ (unsigned char)key[i];
  return h;
}

/* The slot that holds the key, or the free one where it belongs. The table is never full. */
static uint32_t *find(struct seen const *x, uint32_t hash, enum table which, char const *key, size_t len)
{
  size_t mask = genalloc_len(uint32_t, &x->slots) - 1;
  uint32_t *slots = genalloc_s(uint32_t, &x->slots);
  for (size_t i = hash & mask; ; i = (i + 1) & mask) {
    if (!slots[i]) return slots + i;
    struct seen_key const *e = genalloc_s(struct seen_key, &x->entries) + slots[i] - 1;
    if (e->hash != hash || e->len != len + 1) continue;
    char const *s = x->keys.s + e->at;
    if (*s == (char)which && !memcmp(s + 1, key, len)) return slots + i;
  }
}

/* Makes room for twice as many. */
static int grow(struct seen *x)
{
  size_t room = genalloc_len(uint32_t, &x->slots) ? 2 * genalloc_len(uint32_t, &x->slots) : 1024;
  genalloc bigger = GENALLOC_ZERO;
  if (!genalloc_ready(uint32_t, &bigger, room)) return 0;
  genalloc_setlen(uint32_t, &bigger, room);
  uint32_t *slots = genalloc_s(uint32_t, &bigger);
  memset(slots, 0, room * sizeof *slots);
  struct seen_key const *e = genalloc_s(struct seen_key, &x->entries);
  for (uint32_t n = 0; n < genalloc_len(struct seen_key, &x->entries); n++) {
    size_t i = e[n].hash & (room - 1);
    while (slots[i]) i = (i + 1) & (room - 1);
    slots[i] = n + 1;
  }
  genalloc_free(uint32_t, &x->slots);
  x->slots = bigger;
  return 1;
}

int seen_add(struct seen *x, enum table which, char const *key, size_t len, uint32_t *line)
{
  size_t used = genalloc_len(struct seen_key, &x->entries);
  if (4 * (used + 1) > 3 * genalloc_len(uint32_t, &x->slots) && !grow(x)) return -1;
  struct seen_key e = { .at = x->keys.len, .len = len + 1, .hash = hash_key(which, key, len), .line = *line };
  uint32_t *slot = find(x, e.hash, which, key, len);
  if (*slot) {
    *line = genalloc_s(struct seen_key, &x->entries)[*slot - 1].line;
    return 0;
  }
  if (!stralloc_append(&x->keys, (char)which) || !stralloc_catb(&x->keys, key, len)) return -1;
  if (!genalloc_append(struct seen_key, &x->entries, &e)) return -1;
  *slot = (uint32_t)used + 1;
  return 1;
}

uint32_t seen_line(struct seen const *x, enum table which, char const *key, size_t len)
{
  if (!genalloc_len(uint32_t, &x->slots)) return 0;
  uint32_t const *slot = find(x, hash_key(which, key, len), which, key, len);
  return *slot ? genalloc_s(struct seen_key, &x->entries)[*slot - 1].line : 0;
}

int seen_has(struct seen const *x, enum table which, char const *key, size_t len)
{
  return genalloc_len(uint32_t, &x->slots) && *find(x, hash_key(which, key, len), which, key, len);
}

uint32_t seen_next(struct seen const *x, size_t *i, enum table which, char key[TABLE_KEY + 1])
{
  struct seen_key const *e = genalloc_s(struct seen_key, &x->entries);
  size_t n = genalloc_len(struct seen_key, &x->entries);
  while (*i < n && (x->keys.s[e[*i].at] != (char)which || !e[*i].line)) ++*i;
  if (*i == n) return 0;
  size_t len = e[*i].len - 1;
  if (len > TABLE_KEY) len = TABLE_KEY; /* the table did not take it */
  memcpy(key, x->keys.s + e[*i].at + 1, len);
  key[len] = 0;
  return e[(*i)++].line;
}

void seen_free(struct seen *x)
{
  stralloc_free(&x->keys);
  genalloc_free(struct seen_key, &x->entries);
  genalloc_free(uint32_t, &x->slots);
}
