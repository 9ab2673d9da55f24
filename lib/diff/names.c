/* Rules that look at the client's name or user. Names that no table tells apart make a group. */
#include <errno.h>
#include <string.h>
#include "classes/range.h"
#include "diff/atoms.h"

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

/* The number of a rule for a name, or CLASSES_NONE. */
static size_t find_name(struct classes const *c, char const *key)
{
  size_t low = 0, high = names_n(c);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int r = strcmp(key, classes_text(c, name_at(c, middle)->key));
    if (!r) return middle;
    if (r > 0) low = middle + 1;
    else high = middle;
  }
  return CLASSES_NONE;
}

/* What rules for the name's suffixes say, from `key` (`=.suffix`) on. */
static uint8_t suffix_code(struct atoms const *x, char const *host, unsigned t)
{
  char key[DOMAIN_TEXT + 2] = "=";
  for (char const *s = host; s; s = *s ? strchr(s + 1, '.') : 0) {
    if (*s != '.' || strlen(s) > DOMAIN_TEXT) continue;
    strcpy(key + 1, s);
    size_t i = find_name(x->c, key);
    if (i != CLASSES_NONE && name_at(x->c, i)->in[t]) return name_code(x, i, t);
  }
  size_t i = find_name(x->c, "=");
  return i != CLASSES_NONE && name_at(x->c, i)->in[t] ? name_code(x, i, t) : ABSENT;
}

/* Puts the rule for a name (or the number of names: no rule) into its group. */
static int group_name(struct atoms *x, size_t i, genalloc *lists)
{
  struct name_group g = { .exact = { ABSENT, ABSENT }, .suffix = { ABSENT, ABSENT } };
  uint32_t number = (uint32_t)i;
  if (i < names_n(x->c)) {
    struct client_name const *k = name_at(x->c, i);
    char const *host = classes_text(x->c, k->key) + 1;
    for (unsigned t = 0; t < 2; t++) {
      if (k->in[t] && *host && *host != '.') g.exact[t] = name_code(x, i, t);
      g.suffix[t] = suffix_code(x, host, t);
    }
  }
  size_t at = 0;
  for (; at < genalloc_len(struct name_group, &x->m->groups); at++) {
    struct name_group const *o = genalloc_s(struct name_group, &x->m->groups) + at;
    if (!memcmp(o->exact, g.exact, 2) && !memcmp(o->suffix, g.suffix, 2)) break;
  }
  static genalloc const none = GENALLOC_ZERO;
  if (at == genalloc_len(struct name_group, &x->m->groups) &&
      (!genalloc_append(struct name_group, &x->m->groups, &g) || !genalloc_append(genalloc, lists, &none)))
    return nomem();
  return genalloc_append(uint32_t, genalloc_s(genalloc, lists) + at, &number) ? 0 : nomem();
}

int group_names(struct atoms *x)
{
  genalloc lists = GENALLOC_ZERO; /* of genalloc of uint32_t */
  int failed = 0;
  for (size_t i = 0; i <= names_n(x->c) && !failed; i++)
    if (i == names_n(x->c) || *classes_text(x->c, name_at(x->c, i)->key) == '=') failed = group_name(x, i, &lists);
  for (size_t i = 0; i < genalloc_len(genalloc, &lists); i++) {
    genalloc *list = genalloc_s(genalloc, &lists) + i;
    if (!failed) failed = sets_add(&x->m->sets, genalloc_s(uint32_t, list), genalloc_len(uint32_t, list),
                                   &genalloc_s(struct name_group, &x->m->groups)[i].names);
    genalloc_free(uint32_t, list);
  }
  genalloc_free(genalloc, &lists);
  return failed;
}

uint8_t combine(struct addresses const *p, struct name_group const *g, unsigned t)
{
  if (p->level[t] == LEVEL_ADDRESS) return p->code[t];
  if (g->exact[t] != ABSENT) return g->exact[t];
  if (p->level[t] == LEVEL_PREFIX || g->suffix[t] == ABSENT) return p->code[t];
  return g->suffix[t];
}

/* A user at an address: the part where that is, cut down to it. */
static int user_at_address(struct atoms *x, size_t user, struct ip const *ip)
{
  for (size_t i = 0; i < genalloc_len(struct addresses, &x->parts); i++) {
    struct addresses p = genalloc_s(struct addresses, &x->parts)[i];
    struct span const *s = genalloc_s(struct span, &x->m->spans) + p.first;
    for (size_t k = 0; k < p.n; k++) {
      struct span one = { .first = *ip, .last = *ip };
      if (range_cmp(&s[k].first, ip) > 0 || range_cmp(&s[k].last, ip) < 0) continue;
      memcpy(one.line, name_at(x->c, user)->line, sizeof one.line);
      p.first = genalloc_len(struct span, &x->m->spans);
      p.n = 1;
      return genalloc_append(struct span, &x->m->spans, &one) ? cross(x, &p, user) : nomem();
    }
  }
  return 0;
}

/* A user at a host: all parts, with the group where the host is. */
static int user_at_host(struct atoms *x, size_t user, char const *host)
{
  size_t i = find_name(x->c, host), group = 0, n;
  struct name_group own = { .exact = { ABSENT, ABSENT } };
  for (unsigned t = 0; t < 2; t++) own.suffix[t] = suffix_code(x, host + 1, t);
  for (; i != CLASSES_NONE && group < genalloc_len(struct name_group, &x->m->groups); group++) {
    uint32_t const *list = sets_get(&x->m->sets, genalloc_s(struct name_group, &x->m->groups)[group].names, &n);
    for (size_t k = 0; k < n; k++)
      if (list[k] == i) own = genalloc_s(struct name_group, &x->m->groups)[group];
  }
  for (size_t k = 0; k < genalloc_len(struct addresses, &x->parts); k++) {
    struct addresses const *p = genalloc_s(struct addresses, &x->parts) + k;
    uint8_t code[2];
    for (unsigned t = 0; t < 2; t++)
      code[t] = name_at(x->c, user)->in[t] ? name_code(x, user, t) : combine(p, &own, t);
    if (add_atom(x, p, code, 0, user) < 0) return -1;
  }
  return 0;
}

int add_users(struct atoms *x)
{
  int failed = 0;
  for (size_t i = 0; i < names_n(x->c) && !failed; i++) {
    char const *key = classes_text(x->c, name_at(x->c, i)->key), *at = strrchr(key, '@');
    struct ip ip;
    if (*key == '=' || !at) continue;
    if (at[1] == '=') failed = user_at_host(x, i, at + 1);
    else if (ip_scan(&ip, at + 1, strlen(at + 1))) failed = user_at_address(x, i, &ip);
  }
  return failed;
}
