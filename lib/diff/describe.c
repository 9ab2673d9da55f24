/* Sets of senders and recipients, said in few words: by traits that both tables see alike where all of those are meant
 * or none, else by where, from wide ones to narrower ones, it changes who is meant. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

enum { OUT, IN, OPEN /* it does not matter */ };

struct making {
  struct diff const *d;
  struct side const *side;
  unsigned char *is;     /* of each class: OUT, IN, OPEN */
  unsigned char *now;    /* what the flips so far say of it */
  size_t n;
  size_t *members, *others; /* of each two traits, at their first pair: how many classes are in, how many are out */
};

/* Whom the kind of line leaves out in any case. */
static int implied(struct diff const *d, struct diff_line const *l, int recipient, size_t class)
{
  unsigned const never = RECIPIENT_ONWARD | RECIPIENT_DENIED | RECIPIENT_HOSTED;
  if (!recipient || (l->kind != DIFF_GAINS && l->kind != DIFF_LOSES)) return 0;
  return !!(diff_traits(d, 1, class, l->kind == DIFF_GAINS) & never);
}

static void find_members(struct making *x, struct diff_line const *l, unsigned char const *groups, uint32_t *mark)
{
  size_t marks, pairs = genalloc_len(struct pair, &x->side->pairs);
  uint32_t set = x->side->recipient ? l->recipient_marks : l->sender_marks;
  uint32_t const *list = sets_get(&x->d->model->sets, set, &marks);
  memset(mark, 0, x->n * sizeof *mark);
  for (size_t i = 0; i < marks; i++) mark[list[i]] = (uint32_t)i + 1;
  for (size_t place = 0; place < x->n; place++) {
    size_t class = x->d->model->order[place], wider = classes_address(&x->d->classes, class)->wider;
    uint32_t pair = x->side->pair[class];
    if (!mark[class] && wider != CLASSES_NONE) mark[class] = mark[wider];
    x->is[class] = OPEN;
    if (pair == NONE32 || implied(x->d, l, x->side->recipient, class)) continue;
    x->is[class] = groups[mark[class] * pairs + pair] ? IN : OUT;
    uint32_t like = genalloc_s(struct pair, &x->side->pairs)[pair].like;
    x->members[like] += x->is[class] == IN;
    x->others[like] += x->is[class] == OUT;
  }
}

/* All with the pair's traits are in (value IN) or out, and both tables see them alike. */
static int whole(struct making const *x, uint32_t pair, int value)
{
  if (pair == NONE32) return 0;
  struct pair const *p = genalloc_s(struct pair, &x->side->pairs) + pair;
  size_t members = x->members[p->like], others = x->others[p->like];
  if (p->traits[0] != p->traits[1]) return 0;
  return value == IN ? members && !others : others && !members;
}

static int add_traits(struct making const *x, genalloc *list, uint32_t pair)
{
  unsigned traits = genalloc_s(struct pair, &x->side->pairs)[pair].traits[0];
  for (size_t i = 0; i < genalloc_len(unsigned, list); i++)
    if (genalloc_s(unsigned, list)[i] == traits) return 0;
  return genalloc_append(unsigned, list, &traits) ? 0 : (errno = ENOMEM, -1);
}

/* From what everybody is (`all`) to the flips; those of the pairs that are whole in the one or the other sense are said
 * by their traits. */
static int describe(struct diff_addresses *a, struct making *x, int all)
{
  size_t pairs = genalloc_len(struct pair, &x->side->pairs);
  a->all = all;
  for (uint32_t p = 0; p < pairs; p++) {
    if (!all && whole(x, p, IN) && add_traits(x, &a->and, p) < 0) return -1;
    if (all && whole(x, p, OUT) && add_traits(x, &a->but, p) < 0) return -1;
  }
  for (size_t place = 0; place < x->n; place++) {
    size_t class = x->d->model->order[place], wider = classes_address(&x->d->classes, class)->wider;
    uint32_t pair = x->side->pair[class];
    x->now[class] = wider == CLASSES_NONE ? (unsigned char)all : x->now[wider];
    if (x->is[class] == OPEN || x->is[class] == x->now[class] || (!all && whole(x, pair, IN))) continue;
    if (whole(x, pair, OUT)) {
      if (add_traits(x, &a->but, pair) < 0) return -1;
      continue;
    }
    struct diff_flip f = { class, x->is[class] == IN };
    if (!genalloc_append(struct diff_flip, &a->flips, &f)) return errno = ENOMEM, -1;
    x->now[class] = x->is[class];
  }
  return x->side->recipient ? postmasters_describe(&a->flips, x->d, x->is, x->now, all) : 0;
}

static size_t words(struct diff_addresses const *a)
{
  return genalloc_len(unsigned, &a->and) + genalloc_len(unsigned, &a->but) + genalloc_len(struct diff_flip, &a->flips);
}

/* Everybody but some, or these alone: whichever takes less to say. */
static int shorter(struct diff_addresses *a, struct making *x)
{
  struct diff_addresses other = DIFF_ADDRESSES_ZERO;
  if (describe(a, x, 0) < 0) return -1;
  if (x->is[FORM_OTHER] != IN) return 0;
  int r = describe(&other, x, 1);
  if (r == 0 && words(&other) <= words(a)) {
    struct diff_addresses swap = *a;
    *a = other;
    other = swap;
  }
  diff_addresses_free(&other);
  return r;
}

static int make(struct diff_addresses *a, struct diff const *d, struct diff_line const *l, struct side const *side)
{
  struct making x = { .d = d, .side = side, .n = classes_addresses(&d->classes) };
  size_t pairs = genalloc_len(struct pair, &side->pairs), marks, n;
  int r = -1;
  sets_get(&d->model->sets, side->recipient ? l->recipient_marks : l->sender_marks, &marks);
  uint32_t const *set = sets_get(&d->model->sets, side->recipient ? l->recipients : l->senders, &n);
  uint32_t *mark = malloc(x.n * sizeof *mark);
  unsigned char *groups = calloc((marks + 1) * pairs, 1);
  x.is = malloc(2 * x.n);
  x.members = calloc(2 * pairs, sizeof *x.members);
  if (mark && groups && x.is && x.members) {
    x.now = x.is + x.n;
    x.others = x.members + pairs;
    for (size_t i = 0; i < n; i++) groups[set[i]] = 1;
    find_members(&x, l, groups, mark);
    r = shorter(a, &x);
  }
  int e = errno;
  free(mark);
  free(groups);
  free(x.is);
  free(x.members);
  return errno = e, r;
}

int diff_describe_senders(struct diff_addresses *a, struct diff const *d, struct diff_line const *l)
{
  *a = (struct diff_addresses)DIFF_ADDRESSES_ZERO;
  return make(a, d, l, &d->model->senders);
}

int diff_describe_recipients(struct diff_addresses *a, struct diff const *d, struct diff_line const *l)
{
  *a = (struct diff_addresses)DIFF_ADDRESSES_ZERO;
  return make(a, d, l, &d->model->recipients);
}

void diff_addresses_free(struct diff_addresses *a)
{
  genalloc_free(unsigned, &a->and);
  genalloc_free(unsigned, &a->but);
  genalloc_free(struct diff_flip, &a->flips);
}
