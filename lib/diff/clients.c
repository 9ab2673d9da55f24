/* Sets of clients, said in few words, and the lines about the gate. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/classes.h"
#include "diff/model.h"

/* Lines about mail leave out who is denied, before or now: the gate's lines have them. */
static int implied(struct atom const *a, enum diff_kind kind)
{
  return kind <= DIFF_REDIRECTS && (a->view[0] | a->view[1]) & DENIED;
}

static int by_first(void const *x, void const *y)
{
  struct span const *a = x, *b = y;
  return range_cmp(&a->first, &b->first);
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

/* What a part of a description is made of. */
struct source {
  uint32_t names;
  size_t user, user_host;
  genalloc spans;   /* struct span */
};

/* The part with these names and this user: its number, or CLASSES_NONE with errno. */
static size_t find_part(struct diff_clients *c, genalloc *sources, struct diff const *d, struct atom const *a)
{
  struct diff_part fresh = { .prefixes = GENALLOC_ZERO, .names = GENALLOC_ZERO, .user = a->user,
    .user_host = a->user_host };
  struct source source = { a->names, a->user, a->user_host, GENALLOC_ZERO };
  size_t n = genalloc_len(struct source, sources);
  for (size_t i = n; i--; ) {
    struct source const *s = genalloc_s(struct source, sources) + i;
    if (s->names == a->names && s->user == a->user && s->user_host == a->user_host) return i;
  }
  if (genalloc_append(struct diff_part, &c->parts, &fresh) && genalloc_append(struct source, sources, &source) &&
      add_names(genalloc_s(struct diff_part, &c->parts) + n, d, a->names) == 0) return n;
  return errno = ENOMEM, CLASSES_NONE;
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
  genalloc sources = GENALLOC_ZERO;
  int failed = 0;
  for (size_t i = 0; i < genalloc_len(struct atom, &d->model->atoms) && !failed; i++) {
    struct atom const *a = genalloc_s(struct atom, &d->model->atoms) + i;
    unsigned views = view_pair(a);
    if (!in[i] || (c->trusted && views == TRUSTED * 3 + TRUSTED) || (c->strangers && !views)) continue;
    size_t at = find_part(c, &sources, d, a);
    if (at == CLASSES_NONE || !genalloc_catb(struct span, &genalloc_s(struct source, &sources)[at].spans,
        genalloc_s(struct span, &d->model->spans) + a->first, a->n)) failed = -1, errno = ENOMEM;
    else if (a->class == CLASSES_NONE) genalloc_s(struct diff_part, &c->parts)[at].unknown = 1;
  }
  for (size_t i = 0; i < genalloc_len(struct source, &sources); i++) {
    genalloc *spans = &genalloc_s(struct source, &sources)[i].spans;
    size_t n = genalloc_len(struct span, spans);
    if (n) qsort(genalloc_s(struct span, spans), n, sizeof(struct span), by_first);
    if (!failed) failed = prefixes_describe(&genalloc_s(struct diff_part, &c->parts)[i].prefixes, d,
                                            genalloc_s(struct span, spans), n);
    genalloc_free(struct span, spans);
  }
  genalloc_free(struct source, &sources);
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
  if (!c->all && l->kind < DIFF_REDIRECTS) {
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
    genalloc_free(struct diff_prefix, &genalloc_s(struct diff_part, &c->parts)[i].prefixes);
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
    case DIFF_LETS_IN: return denied[0] && !denied[1] && a->view[1] != TRUSTED;
    case DIFF_TRUSTS: return denied[0] && !denied[1] && a->view[1] == TRUSTED;
    case DIFF_SHUTS_OUT: return !denied[0] && denied[1];
    case DIFF_BELIEVES: return now && !before;
    case DIFF_DOUBTS: return before && !now && !denied[1];
    case DIFF_APPENDS: return a->view[0] == TRUSTED && a->view[1] == TRUSTED && a->value[0] != a->value[1];
    default: return 0;
  }
}

int gate_lines(struct diff *d)
{
  for (int kind = DIFF_LETS_IN; kind <= DIFF_APPENDS; kind++) {
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
