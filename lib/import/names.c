/* A set of byte strings, on skalibs' balanced tree. */
#include <string.h>
#include "import/names.h"

struct entry {
  char const *s;     /* the key, while it is looked for; null: it stands in the set's keys at `at` */
  size_t at, len;
  uint32_t value;
};

static void *entry(uint32_t i, void *arg)
{
  return genalloc_s(struct entry, &((struct names *)arg)->entries) + i;
}

static int compare(void const *a, void const *b, void *arg)
{
  struct names const *x = arg;
  struct entry const *e[2] = { a, b };
  char const *s[2];
  for (int i = 0; i < 2; i++) s[i] = e[i]->s ? e[i]->s : x->keys.s + e[i]->at;
  size_t n = e[0]->len < e[1]->len ? e[0]->len : e[1]->len;
  int r = n ? memcmp(s[0], s[1], n) : 0;
  return r ? r : e[0]->len < e[1]->len ? -1 : e[0]->len > e[1]->len;
}

static int find(struct names const *x, char const *key, size_t len, uint32_t *i)
{
  struct entry e = { .s = key ? key : "", .len = len };
  return x->ready && avltree_search(&x->tree, &e, i);
}

int names_add(struct names *x, char const *key, size_t len, uint32_t *value)
{
  struct entry e = { .at = x->keys.len, .len = len, .value = *value };
  size_t n = genalloc_len(struct entry, &x->entries);
  if (names_find(x, key, len, value)) return 0;
  if (!x->ready) avltree_init(&x->tree, 64, 3, 8, entry, compare, x);
  x->ready = 1;
  if (n >= UINT32_MAX || !stralloc_catb(&x->keys, key, len)) return -1;
  if (!genalloc_append(struct entry, &x->entries, &e)) return -1;
  return avltree_insert(&x->tree, (uint32_t)n) ? 1 : -1;
}

int names_put(struct names *x, char const *key, size_t len, uint32_t value)
{
  uint32_t i;
  if (!find(x, key, len, &i)) return names_add(x, key, len, &value);
  genalloc_s(struct entry, &x->entries)[i].value = value;
  return 0;
}

int names_find(struct names const *x, char const *key, size_t len, uint32_t *value)
{
  uint32_t i;
  if (!find(x, key, len, &i)) return 0;
  if (value) *value = genalloc_s(struct entry, &x->entries)[i].value;
  return 1;
}

void names_free(struct names *x)
{
  if (x->ready) avltree_free(&x->tree);
  stralloc_free(&x->keys);
  genalloc_free(struct entry, &x->entries);
  x->ready = 0;
}
