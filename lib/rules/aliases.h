/* The aliases while they are compiled; for this room alone. A target has a number, the same wherever it is written so;
 * and its key another, since the host that it leads to may tell capitals apart and we don't. */
#ifndef RULES_ALIASES_H
#define RULES_ALIASES_H

#include "rules/rules.h"

struct alias {
  uint32_t line;
  uint32_t key;         /* the key's place in c->aliases.texts, NUL-terminated */
  uint32_t first, n;    /* the targets that the line has: within c->aliases.links, a uint32_t each */
  uint32_t end, end_n;  /* those that it stands for in the end: within struct expansion's out */
  uint8_t state;        /* expand.c's */
};

/* A target's text as it travels on, and its key (ADDRESS_KEY). */
struct target {
  uint32_t text;        /* within c->aliases.texts, NUL-terminated */
  uint32_t key;         /* likewise */
  uint32_t key_number;
};

#define ALIAS_NONE UINT32_MAX

static inline char const *alias_text(struct compiler const *c, uint32_t at)
{
  return c->aliases.texts.s + at;
}
static inline struct target const *alias_target(struct compiler const *c, uint32_t number)
{
  return genalloc_s(struct target, &c->aliases.at) + number;
}
/* Target i that the line has. */
static inline struct target const *alias_link(struct compiler const *c, struct alias const *a, uint32_t i)
{
  return alias_target(c, genalloc_s(uint32_t, &c->aliases.links)[a->first + i]);
}
static inline size_t alias_count(struct compiler const *c)
{
  return genalloc_len(struct alias, &c->aliases.all);
}
static inline struct alias *alias_all(struct compiler const *c)
{
  return genalloc_s(struct alias, &c->aliases.all);
}

/* The number of the alias with this key, or ALIAS_NONE. */
uint32_t alias_find(struct compiler const *c, char const *key);

/* What all aliases stand for in the end. */
struct expansion {
  genalloc out;         /* uint32_t: numbers of targets */
  genalloc alias_of;    /* uint32_t for each target: the alias that it is, or ALIAS_NONE */
  genalloc taken;       /* uint32_t for each key: the alias (its number and 1) that has it in out already */
  genalloc stack;       /* expand.c's */
};
/* Sets end and end_n of all aliases; complains of loops and of too many targets. */
void alias_expand(struct compiler *c, struct expansion *x);
void alias_expansion_free(struct expansion *x);

#endif
