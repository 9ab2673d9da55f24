/* Rules that look at the client's name or user. Names that no table tells apart make a group. */
#include <errno.h>
#include <string.h>
#include "classes/classes.h"
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

/* The group of a host that a rule for a user names. */
static struct name_group group_of(struct atoms const *x, char const *host)
{
  size_t i = find_name(x->c, host), n;
  struct name_group own = { .exact = { ABSENT, ABSENT } };
  for (unsigned t = 0; t < 2; t++) own.suffix[t] = suffix_code(x, host + 1, t);
  if (i == CLASSES_NONE) return own;
  for (size_t g = 0; g < genalloc_len(struct name_group, &x->m->groups); g++) {
    uint32_t const *list = sets_get(&x->m->sets, genalloc_s(struct name_group, &x->m->groups)[g].names, &n);
    for (size_t k = 0; k < n; k++)
      if (list[k] == i) return genalloc_s(struct name_group, &x->m->groups)[g];
  }
  return own;
}

/* A user at a host (a rule's number) from these addresses; at: the rule for the user there, or CLASSES_NONE. */
static int add_user(struct atoms *x, struct addresses const *p, size_t at, size_t user_host)
{
  struct atom a = { .user = at, .user_host = user_host };
  struct name_group own = group_of(x, strrchr(classes_text(x->c, name_at(x->c, user_host)->key), '@') + 1);
  uint8_t code[2];
  for (unsigned t = 0; t < 2; t++) {
    if (at != CLASSES_NONE && name_at(x->c, at)->in[t]) code[t] = name_code(x, at, t);
    else if (name_at(x->c, user_host)->in[t]) code[t] = name_code(x, user_host, t);
    else code[t] = combine(p, &own, t);
  }
  return add_atom(x, p, code, a);
}

/* Do both rules name the same user? */
static int same_user(char const *a, char const *b)
{
  size_t n = (size_t)(strrchr(a, '@') - a) + 1;
  return (size_t)(strrchr(b, '@') - b) + 1 == n && !memcmp(a, b, n);
}

static int is_user(char const *key)
{
  return *key != '=' && strrchr(key, '@') != 0;
}

/* A user at an address: the part where that is, cut down to it; with any name, and with those for which there is a
 * rule, too. */
static int at_address(struct atoms *x, struct addresses p, size_t user, struct ip const *ip)
{
  struct span one = { .first = *ip, .last = *ip };
  char const *key = classes_text(x->c, name_at(x->c, user)->key);
  memcpy(one.line, name_at(x->c, user)->line, sizeof one.line);
  p.first = genalloc_len(struct span, &x->m->spans);
  p.n = 1;
  if (!genalloc_append(struct span, &x->m->spans, &one)) return nomem();
  for (size_t i = 0; i < names_n(x->c); i++) {
    char const *other = classes_text(x->c, name_at(x->c, i)->key);
    if (!is_user(other) || strrchr(other, '@')[1] != '=' || !same_user(key, other)) continue;
    if (add_user(x, &p, user, i) < 0) return -1;
  }
  return cross(x, &p, user);
}

static int user_at_address(struct atoms *x, size_t user, struct ip const *ip)
{
  for (size_t i = 0; i < genalloc_len(struct addresses, &x->parts); i++) {
    struct addresses const *p = genalloc_s(struct addresses, &x->parts) + i;
    struct span const *s = genalloc_s(struct span, &x->m->spans) + p->first;
    for (size_t k = 0; k < p->n; k++)
      if (range_cmp(&s[k].first, ip) <= 0 && range_cmp(&s[k].last, ip) >= 0) return at_address(x, *p, user, ip);
  }
  return 0;
}

/* A user at a host: from all addresses. */
static int user_at_host(struct atoms *x, size_t user)
{
  for (size_t k = 0; k < genalloc_len(struct addresses, &x->parts); k++)
    if (add_user(x, genalloc_s(struct addresses, &x->parts) + k, CLASSES_NONE, user) < 0) return -1;
  return 0;
}

int add_users(struct atoms *x)
{
  int failed = 0;
  for (size_t i = 0; i < names_n(x->c) && !failed; i++) {
    char const *key = classes_text(x->c, name_at(x->c, i)->key), *at = strrchr(key, '@');
    struct ip ip;
    if (!is_user(key)) continue;
    if (at[1] == '=') failed = user_at_host(x, i);
    else if (ip_scan(&ip, at + 1, strlen(at + 1))) failed = user_at_address(x, i, &ip);
  }
  return failed;
}
