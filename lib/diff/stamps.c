/* Where POP stamps count. `grant pop` looks at the listener's name and, bound, at the stamp's user and the sender
 * together. Of that only this is kept: for which senders is there some user, and on which kind of listener is there
 * some name, with whom a stamp counts in the old table alone, in the new one alone, or in both?
 *
 * Users are counted by what they may: for the widest classes by those who may use any sender or none, then for each
 * class named by a user's senders by how that differs from the next wider one. So each user costs only what stands in
 * his lines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

struct counting {
  struct diff *d;
  struct stamps *x;
  struct diff_pop *pop;
  genalloc senders[2];    /* size_t: classes of one user's senders, ascending */
};

static int may_nobody(struct diff_pop const *p, unsigned t)
{
  return !p->there[t] || p->grant[t].bound;
}

/* What a stamp of somebody whom no table knows may. */
static unsigned unknown_may(struct diff_pop const *p)
{
  return (may_nobody(p, 0) ? 0 : 1) | (may_nobody(p, 1) ? 0 : 2);
}

static int by_number(void const *x, void const *y)
{
  size_t const *a = x, *b = y;
  return *a < *b ? -1 : *a > *b;
}

/* The classes of a user's senders. */
static int find_senders(struct counting *c, struct record const *r, unsigned t)
{
  c->senders[t].len = 0;
  for (uint32_t at = 0; at < r->len; ) {
    char const *s = r->data + at, *end = memchr(s, 0, r->len - at);
    if (!end) return errno = EPROTO, -1;
    enum form form = *s != '@' ? FORM_ADDRESS : s[1] == '.' ? FORM_SUFFIX : FORM_DOMAIN;
    size_t class = classes_find(&c->d->classes, form, s + (*s == '@'));
    at += (uint32_t)(end - s) + 1;
    if (class != CLASSES_NONE && !genalloc_append(size_t, &c->senders[t], &class)) return nomem();
  }
  size_t n = genalloc_len(size_t, &c->senders[t]);
  if (n) qsort(genalloc_s(size_t, &c->senders[t]), n, sizeof(size_t), by_number);
  return 0;
}

static int is_among(genalloc const *list, size_t class)
{
  size_t n = genalloc_len(size_t, list);
  return n && bsearch(&class, genalloc_s(size_t, list), n, sizeof class, by_number);
}

/* What the user, whose senders were found, may as one of the class (CLASSES_NONE: as one whom no line names). */
static unsigned user_may(struct counting const *c, struct diff_user const *u, size_t class)
{
  unsigned may = unknown_may(c->pop);
  for (unsigned t = 0; t < 2; t++) {
    struct record const *r = u->senders + t;
    if (!c->pop->there[t] || !c->pop->grant[t].bound || !r->line) continue;
    int some = !r->len;
    for (size_t k = class; !some && k != CLASSES_NONE; k = classes_address(&c->d->classes, k)->wider)
      some = is_among(&c->senders[t], k);
    may |= (unsigned)some << t;
  }
  return may;
}

/* Are there other senders for him now, both tables being bound? */
static int has_changed(struct counting const *c, struct diff_user const *u)
{
  struct diff_pop const *p = c->pop;
  genalloc const *s = c->senders;
  size_t n = genalloc_len(size_t, s);
  if (!p->there[0] || !p->there[1] || !p->grant[0].bound || !p->grant[1].bound) return 0;
  if (!u->senders[0].line != !u->senders[1].line || !u->senders[0].len != !u->senders[1].len) return 1;
  return n != genalloc_len(size_t, s + 1) || (n && memcmp(genalloc_s(size_t, s), genalloc_s(size_t, s + 1),
                                                          n * sizeof(size_t)));
}

static void count(struct tally *t, unsigned may, int32_t n, uint32_t who)
{
  t->n[may] += n;
  if (n > 0) t->who[may] = who;
}

static int count_user(struct counting *c, uint32_t number)
{
  struct diff_user const *u = genalloc_s(struct diff_user, &c->x->users) + number;
  for (unsigned t = 0; t < 2; t++)
    if (find_senders(c, u->senders + t, t) < 0) return -1;
  if (has_changed(c, u) && !genalloc_append(struct diff_user, &c->pop->users, u)) return nomem();
  count(&c->x->any, user_may(c, u, CLASSES_NONE), 1, number + 1);
  for (unsigned t = 0; t < 2; t++) {
    size_t const *list = genalloc_s(size_t, &c->senders[t]);
    for (size_t i = 0; i < genalloc_len(size_t, &c->senders[t]); i++) {
      if ((i && list[i] == list[i - 1]) || (t && is_among(&c->senders[0], list[i]))) continue;
      unsigned before = user_may(c, u, classes_address(&c->d->classes, list[i])->wider);
      unsigned now = user_may(c, u, list[i]);
      if (before == now) continue;
      count(c->x->tally + list[i], before, -1, 0);
      count(c->x->tally + list[i], now, 1, number + 1);
    }
  }
  return 0;
}

/* From what users may to what stamps do. */
static unsigned able(struct stamps const *x, struct tally const *t, unsigned unknown)
{
  unsigned bits = 0;
  for (unsigned may = 1; may < 4; may++) {
    if (t->n[may] <= 0 && may != unknown) continue;
    for (unsigned submission = 0; submission < 2; submission++)
      for (unsigned holds = 1; holds < 4; holds++)
        if (x->listener[submission][holds] && may & holds) bits |= STAMP_BIT(may & holds, submission);
  }
  return bits;
}

/* From wide classes to narrower ones. */
static void sum_up(struct counting *c)
{
  struct model const *m = c->d->model;
  for (size_t place = 0; place < classes_addresses(&c->d->classes); place++) {
    size_t class = m->order[place], wider = classes_address(&c->d->classes, class)->wider;
    struct tally const *from = wider == CLASSES_NONE ? &c->x->any : c->x->tally + wider;
    struct tally *t = c->x->tally + class;
    for (unsigned may = 0; may < 4; may++) t->n[may] += from->n[may];
    c->x->able[class] = (unsigned char)able(c->x, t, unknown_may(c->pop));
    c->x->some |= c->x->able[class];
  }
}

/* A name of a listener, if the grants hold there as nowhere before. */
static void add_listener(struct stamps *x, char const *name)
{
  unsigned holds = 0;
  for (unsigned t = 0; t < 2; t++)
    if (x->pop.there[t] && pop_listens(x->pop.grant + t, name)) holds |= 1U << t;
  char const **place = &x->listener[listener_is_submission(name)][holds];
  if (!*place) *place = name;
}

static void find_listeners(struct stamps *x)
{
  add_listener(x, "");
  add_listener(x, LISTENER_SUBMISSION);
  for (unsigned t = 0; t < 2; t++) {
    size_t at = 0;
    char const *name;
    while (x->pop.there[t] && (name = pop_listener(x->pop.grant + t, &at))) add_listener(x, name);
  }
  for (unsigned i = 0; ; i++) { /* and one that no line names */
    unsigned named = 0;
    snprintf(x->other, sizeof x->other, i ? "other%u" : "other", i);
    for (unsigned t = 0; t < 2; t++)
      named |= x->pop.there[t] && x->pop.grant[t].listeners_len && pop_listens(x->pop.grant + t, x->other);
    if (!named) break;
  }
  add_listener(x, x->other);
}

static char const *sort_names; /* for qsort; set before it is called */

/* A user of one of the tables. */
struct raw {
  size_t name;
  struct record senders;
  unsigned table;
};

static int by_name(void const *x, void const *y)
{
  struct raw const *a = x, *b = y;
  return strcmp(sort_names + a->name, sort_names + b->name);
}

static int gather(genalloc *all, stralloc *names, struct table_set const *t, unsigned table)
{
  struct raw one = { .table = table };
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  int more;
  while ((more = table_next(t, &pos, &which, &key, &n, &one.senders)) > 0) {
    if (which != TABLE_SENDERS || memchr(key, 0, n)) continue;
    one.name = names->len;
    if (!stralloc_catb(names, key, n) || !stralloc_0(names) || !genalloc_append(struct raw, all, &one)) return nomem();
  }
  return more < 0 ? (errno = EPROTO, -1) : 0;
}

/* The users of both tables, by name. */
static int find_users(struct diff *d, struct stamps *x)
{
  genalloc all = GENALLOC_ZERO;
  int r = 0;
  for (unsigned t = 0; t < 2 && r == 0; t++)
    if (x->pop.there[t] && x->pop.grant[t].bound) r = gather(&all, &x->names, d->t[t], t);
  struct raw *raw = genalloc_s(struct raw, &all);
  size_t n = genalloc_len(struct raw, &all);
  sort_names = x->names.s;
  if (n) qsort(raw, n, sizeof *raw, by_name);
  for (size_t i = 0; i < n && r == 0; i++) {
    struct diff_user u = { .name = x->names.s + raw[i].name, .len = strlen(x->names.s + raw[i].name) };
    size_t have = genalloc_len(struct diff_user, &x->users);
    int same = i && !by_name(raw + i - 1, raw + i);
    if (!same && !genalloc_append(struct diff_user, &x->users, &u)) r = nomem();
    else genalloc_s(struct diff_user, &x->users)[same ? have - 1 : have].senders[raw[i].table] = raw[i].senders;
  }
  int e = errno;
  genalloc_free(struct raw, &all);
  return errno = e, r;
}

int stamps_make(struct diff *d)
{
  struct stamps *x = &d->model->stamps;
  struct counting c = { .d = d, .x = x, .pop = &x->pop, .senders = { GENALLOC_ZERO, GENALLOC_ZERO } };
  size_t n = classes_addresses(&d->classes);
  for (unsigned t = 0; t < 2; t++) {
    if ((x->pop.there[t] = pop_find(x->pop.grant + t, d->t[t])) < 0) return errno = EPROTO, -1;
    x->pop.tells |= x->pop.there[t] && (x->pop.grant[t].bound || x->pop.grant[t].listeners_len);
  }
  x->able = calloc(n, 1);
  x->tally = calloc(n, sizeof *x->tally);
  int r = x->able && x->tally ? find_users(d, x) : nomem();
  find_listeners(x);
  for (uint32_t i = 0; i < genalloc_len(struct diff_user, &x->users) && r == 0; i++) r = count_user(&c, i);
  if (r == 0) sum_up(&c);
  int e = errno;
  genalloc_free(size_t, c.senders);
  genalloc_free(size_t, c.senders + 1);
  return errno = e, r;
}
