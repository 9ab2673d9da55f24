/* The smallest change that turns the verdict: single lines first, then two together, then three. To host a domain is a
 * change only for who owns it, so it does not end the search. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "explain/parts.h"

#define TRIES 3000   /* combinations at most */
#define WHOLE 10000  /* lines of rules that are small enough to be compiled whole for each change that is shown */
#define SIFTED 50    /* changes at most that are compiled so */

struct search {
  struct bench bench;      /* where all are tried */
  struct bench last;       /* and where those are that are to be shown */
  unsigned has_last : 1;
  struct explanation *x;
  struct edit const *pool;
  size_t pool_n;
  struct edit const *chosen[EXPLAIN_EDITS];
  unsigned tries;
  int accept;              /* the verdict that is looked for */
};

/* Do the chosen edits contain a change that was found already? */
static int is_more(struct search const *s, unsigned n)
{
  struct change const *c = genalloc_s(struct change, &s->x->changes);
  for (size_t i = 0; i < genalloc_len(struct change, &s->x->changes); i++) {
    unsigned same = 0;
    for (unsigned k = 0; k < c[i].n; k++)
      for (unsigned m = 0; m < n; m++)
        same += c[i].edits[k].action == s->chosen[m]->action && c[i].edits[k].text == s->chosen[m]->text &&
          c[i].edits[k].by == s->chosen[m]->by;
    if (same == c[i].n) return 1;
  }
  return 0;
}

static void try(struct search *s, unsigned n)
{
  struct outcome o;
  if (is_more(s, n)) return;
  s->tries++;
  if (!bench_try(&s->bench, s->chosen, n, &o)) return;
  if (o.decision.verdict != (s->accept ? VERDICT_ACCEPT : VERDICT_REFUSE)) return;
  struct change c = { .n = n, .verdict = o.decision.verdict, .reason = outcome_word(&o) };
  for (unsigned i = 0; i < n; i++) c.edits[i] = *s->chosen[i];
  if (!genalloc_append(struct change, &s->x->changes, &c)) s->x->broken = ENOMEM;
}

/* Two edits of one line are none. */
static int clash(struct edit const *a, struct edit const *b)
{
  return a->line && a->which == b->which && a->line == b->line;
}

/* All combinations of n edits, of which `have` are chosen. */
static void combine(struct search *s, unsigned have, unsigned n, size_t from)
{
  if (have == n) {
    try(s, n);
    return;
  }
  for (size_t i = from; i < s->pool_n && s->tries < TRIES && !s->x->broken; i++) {
    unsigned k = 0;
    while (k < have && !clash(s->chosen[k], s->pool + i)) k++;
    if (k < have) continue;
    s->chosen[have] = s->pool + i;
    combine(s, have + 1, n, i + 1);
  }
}

static unsigned width(struct change const *c)
{
  unsigned sum = 0;
  for (unsigned i = 0; i < c->n; i++) sum += c->edits[i].width;
  return sum;
}

static int compare(void const *a, void const *b)
{
  struct change const *c = a, *d = b;
  unsigned x = width(c), y = width(d);
  if (c->n != d->n) return c->n < d->n ? -1 : 1;
  if (x != y) return x < y ? -1 : 1;
  return c->edits[0].text < d->edits[0].text ? -1 : c->edits[0].text > d->edits[0].text;
}

/* A line that lets all trusted clients relay is tried with all of `clients`: the compiler adds up whom they trust. */
static int trusts_all(struct change const *c, struct explanation const *x)
{
  for (unsigned i = 0; i < c->n; i++)
    if (c->edits[i].action == ACTION_ADD && c->edits[i].which == TABLE_RELAY &&
        !strcmp(explained_text(x, c->edits[i].text), "grant clients")) return 1;
  return 0;
}

static struct bench *last_bench(struct search *s, int whole)
{
  if (!s->has_last) {
    question_decide(&s->x->outcome, s->bench.q, s->bench.t); /* what was tried is gone, with its table */
    bench_start(&s->last, s->x, s->bench.q, s->bench.t);
    bench_whole(&s->last, !whole);
  }
  s->has_last = 1;
  return &s->last;
}

/* Throws away what all rules together do not allow, and what is too much to show. */
static void sift(struct search *s)
{
  int whole = s->bench.all <= WHOLE;
  struct change *c = genalloc_s(struct change, &s->x->changes);
  size_t n = genalloc_len(struct change, &s->x->changes), kept = 0;
  struct outcome o;
  if (n) qsort(c, n, sizeof *c, &compare);
  for (size_t i = 0; i < n && i < SIFTED && kept < EXPLAIN_CHANGES; i++) {
    struct edit const *edits[EXPLAIN_EDITS];
    for (unsigned k = 0; k < c[i].n; k++) edits[k] = c[i].edits + k;
    if ((whole || trusts_all(c + i, s->x)) &&
        (!bench_try(last_bench(s, whole), edits, c[i].n, &o) || o.decision.verdict != c[i].verdict)) continue;
    c[kept] = c[i];
    if (whole) c[kept].reason = outcome_word(&o);
    kept++;
  }
  genalloc_setlen(struct change, &s->x->changes, kept);
}

/* Is there a change that needs no `perhaps`? */
static int has_sure(struct explanation const *x)
{
  struct change const *c = genalloc_s(struct change, &x->changes);
  for (size_t i = 0; i < genalloc_len(struct change, &x->changes); i++) {
    unsigned k = 0;
    while (k < c[i].n && !c[i].edits[k].perhaps) k++;
    if (k == c[i].n) return 1;
  }
  return 0;
}

void find_changes(struct explanation *x, struct question *q, struct table_set const *t,
                  struct neighbours const *around)
{
  struct search s = { .x = x, .accept = x->outcome.decision.verdict != VERDICT_ACCEPT };
  struct outcome same;
  genalloc pool = GENALLOC_ZERO;
  enum stage stage = x->outcome.stage;
  if (!t || x->outcome.decision.verdict > VERDICT_TEMPFAIL || x->outcome.decision.reason == REASON_TABLES ||
      stage == STAGE_SENDER || stage == STAGE_RECIPIENT) return;
  bench_start(&s.bench, x, q, t);
  if (!x->broken && bench_try(&s.bench, 0, 0, &same) && same.stage == stage &&
      same.decision.verdict == x->outcome.decision.verdict && same.decision.reason == x->outcome.decision.reason) {
    x->tried = 1;
    pool_fill(&pool, &s.bench, around);
    s.pool = genalloc_s(struct edit, &pool);
    s.pool_n = genalloc_len(struct edit, &pool);
    for (unsigned n = 1; n <= EXPLAIN_EDITS && !has_sure(x) && !x->broken; n++) {
      combine(&s, 0, n, 0);
      sift(&s);
    }
  }
  genalloc_free(struct edit, &pool);
  bench_end(&s.bench);
  bench_end(&s.last);
  question_decide(&x->outcome, q, t);
}
