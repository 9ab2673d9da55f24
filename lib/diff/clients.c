/* Sets of clients, said in few words, and the lines about the gate. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/range.h"
#include "diff/model.h"

/* Whom the kind of line leaves out in any case. */
static int implied(struct atom const *a, enum diff_kind kind)
{
  if (kind == DIFF_GAINS) return a->view[1] & DENIED;
  if (kind == DIFF_LOSES) return a->view[0] & DENIED;
  return kind <= DIFF_REDIRECTS && (a->view[0] | a->view[1]) & DENIED;
}

static int by_first(void const *x, void const *y)
{
  struct span const *a = x, *b = y;
  return range_cmp(&a->first, &b->first);
}

/* Joins neighbours that the same lines let in. */
static void join(genalloc *spans)
{
  struct span *s = genalloc_s(struct span, spans);
  size_t n = genalloc_len(struct span, spans), len = 0;
  if (n) qsort(s, n, sizeof *s, by_first);
  for (size_t i = 0; i < n; i++) {
    struct ip next = len ? s[len - 1].last : s[i].first;
    if (len && !memcmp(s[len - 1].line, s[i].line, sizeof s->line) && next.len == s[i].first.len && range_next(&next) &&
        !range_cmp(&next, &s[i].first)) s[len - 1].last = s[i].last;
    else s[len++] = s[i];
  }
  genalloc_setlen(struct span, spans, len);
}

static int add_names(struct diff_part *p, struct diff const *d, uint32_t groups)
{
  struct model const *m = d->model;
  size_t n, k;
  uint32_t const *list = sets_get(&m->sets, groups, &n);
  p->named = groups != 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t const *names = sets_get(&m->sets, genalloc_s(struct name_group, &m->groups)[list[i]].names, &k);
    for (size_t j = 0; j < k; j++) {
      size_t name = names[j] < genalloc_len(struct client_name, &d->classes.names) ? names[j] : CLASSES_NONE;
      if (!genalloc_append(size_t, &p->names, &name)) return errno = ENOMEM, -1;
    }
  }
  return 0;
}

/* A part of a description before its names are looked up. */
struct key {
  uint32_t names;
  size_t user;
};

/* The part with these names and this user. Returns null with errno. */
static struct diff_part *find_part(struct diff_clients *c, genalloc *keys, struct diff const *d, struct atom const *a)
{
  struct diff_part fresh = { .spans = GENALLOC_ZERO, .names = GENALLOC_ZERO, .user = a->user };
  struct key key = { a->names, a->user };
  size_t n = genalloc_len(struct diff_part, &c->parts);
  for (size_t i = n; i--; ) {
    struct key const *k = genalloc_s(struct key, keys) + i;
    if (k->names == a->names && k->user == a->user) return genalloc_s(struct diff_part, &c->parts) + i;
  }
  if (genalloc_append(struct diff_part, &c->parts, &fresh) && genalloc_append(struct key, keys, &key)) {
    struct diff_part *p = genalloc_s(struct diff_part, &c->parts) + n;
    if (add_names(p, d, a->names) == 0) return p;
  }
  return errno = ENOMEM, (void *)0;
}

/* Are all (or all of this pair of views) in the set, in which `in` tells those that are? None at all: 0. */
static int complete(struct diff const *d, unsigned char const *in, enum diff_kind kind, int views)
{
  int some = 0;
  for (size_t i = 0; i < genalloc_len(struct atom, &d->model->atoms); i++) {
    struct atom const *a = genalloc_s(struct atom, &d->model->atoms) + i;
    if (implied(a, kind) || (views >= 0 && view_pair(a) != (unsigned)views)) continue;
    if (!in[i]) return 0;
    some = 1;
  }
  return some;
}

static int add_parts(struct diff_clients *c, struct diff const *d, unsigned char const *in)
{
  genalloc keys = GENALLOC_ZERO;
  int failed = 0;
  for (size_t i = 0; i < genalloc_len(struct atom, &d->model->atoms) && !failed; i++) {
    struct atom const *a = genalloc_s(struct atom, &d->model->atoms) + i;
    if (!in[i] || (c->trusted && view_pair(a) == TRUSTED * 3 + TRUSTED) || (c->strangers && view_pair(a) == 0)) continue;
    struct diff_part *p = find_part(c, &keys, d, a);
    if (!p || !genalloc_catb(struct span, &p->spans, genalloc_s(struct span, &d->model->spans) + a->first, a->n))
      failed = -1, errno = ENOMEM;
    else if (a->class == CLASSES_NONE) p->unknown = 1;
  }
  for (size_t i = 0; i < genalloc_len(struct diff_part, &c->parts); i++)
    join(&genalloc_s(struct diff_part, &c->parts)[i].spans);
  genalloc_free(struct key, &keys);
  return failed;
}

int diff_describe_clients(struct diff_clients *c, struct diff const *d, struct diff_line const *l)
{
  size_t n;
  uint32_t const *list = sets_get(&d->model->sets, l->clients, &n);
  *c = (struct diff_clients)DIFF_CLIENTS_ZERO;
  unsigned char *in = calloc(genalloc_len(struct atom, &d->model->atoms), 1);
  if (!in) return errno = ENOMEM, -1;
  for (size_t i = 0; i < n; i++) in[list[i]] = 1;
  c->all = !!complete(d, in, l->kind, -1);
  if (!c->all) {
    c->trusted = !!complete(d, in, l->kind, TRUSTED * 3 + TRUSTED);
    c->strangers = !!complete(d, in, l->kind, 0);
  }
  int r = c->all ? 0 : add_parts(c, d, in);
  free(in);
  return r;
}

void diff_clients_free(struct diff_clients *c)
{
  for (size_t i = 0; i < genalloc_len(struct diff_part, &c->parts); i++) {
    genalloc_free(struct span, &genalloc_s(struct diff_part, &c->parts)[i].spans);
    genalloc_free(size_t, &genalloc_s(struct diff_part, &c->parts)[i].names);
  }
  genalloc_free(struct diff_part, &c->parts);
}

/* How the gate's word about them has changed. */
static int changed(struct atom const *a, enum diff_kind kind)
{
  int denied[2] = { a->view[0] & DENIED, a->view[1] & DENIED };
  int before = a->proxy[0] && !denied[0], now = a->proxy[1] && !denied[1];
  switch (kind) {
    case DIFF_LETS_IN: return denied[0] && !denied[1];
    case DIFF_SHUTS_OUT: return !denied[0] && denied[1];
    case DIFF_BELIEVES: return now && !before;
    case DIFF_DOUBTS: return before && !now && !denied[1];
    case DIFF_APPENDS: return a->view[0] == TRUSTED && a->view[1] == TRUSTED && a->value[0] != a->value[1];
    default: return 0;
  }
}

int gate_lines(struct diff *d)
{
  for (int kind = DIFF_LETS_IN; kind < DIFF_KIND_COUNT; kind++) {
    genalloc list = GENALLOC_ZERO;
    struct diff_line l = { .kind = (enum diff_kind)kind };
    int failed = 0;
    for (uint32_t i = 0; i < genalloc_len(struct atom, &d->model->atoms) && !failed; i++)
      if (changed(genalloc_s(struct atom, &d->model->atoms) + i, l.kind) && !genalloc_append(uint32_t, &list, &i))
        failed = -1, errno = ENOMEM;
    size_t n = genalloc_len(uint32_t, &list);
    if (!failed && n) failed = sets_add(&d->model->sets, genalloc_s(uint32_t, &list), n, &l.clients);
    if (!failed && n && !genalloc_append(struct diff_line, &d->lines, &l)) failed = -1, errno = ENOMEM;
    genalloc_free(uint32_t, &list);
    if (failed) return failed;
  }
  return 0;
}
