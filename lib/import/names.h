/* A set of byte strings, each with a number. */
#ifndef IMPORT_NAMES_H
#define IMPORT_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/avltree.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

struct names {
  stralloc keys;     /* all keys, one behind the other */
  genalloc entries;  /* names.c's */
  avltree tree;
  int ready;
};

/* Adds a key, any bytes. Returns 1 when it is new, 0 when it was there (*value becomes its number), -1 without memory.
 * The set must not move afterwards. */
int names_add(struct names *x, char const *key, size_t len, uint32_t *value);

/* The same, but a key that was there gets the number. */
int names_put(struct names *x, char const *key, size_t len, uint32_t value);

/* Returns 1 and the number (value may be null), or 0. */
int names_find(struct names const *x, char const *key, size_t len, uint32_t *value);

void names_free(struct names *x);

#endif
