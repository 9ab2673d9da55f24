/* Lines: one for each cell in which something changes, then joined. Two that differ in one factor of their product
 * alone are one with both factors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include "diff/model.h"

char const *diff_word(enum diff_kind k)
{
  static char const *const words[] = {
#define X(name, word) word,
    DIFF_KINDS(X)
#undef X
  };
  return k < DIFF_KIND_COUNT ? words[k] : "";
}

int lines_add(struct diff *d, struct cell const *c)
{
  static struct diff_situations const nothing;
  struct diff_situations when[DIFF_UNHOSTS + 1];
  memset(when, 0, sizeof when);
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++) when[c->kinds->kind[i]].bits[i / 64] |= UINT64_C(1) << i % 64;
  for (unsigned k = DIFF_NONE + 1; k <= DIFF_UNHOSTS; k++) {
    struct diff_line l = { .kind = (enum diff_kind)k, .when = when[k], .clients = c->clients,
      .sender_marks = c->sender_marks, .recipient_marks = c->recipient_marks };
    if (!memcmp(&l.when, &nothing, sizeof nothing)) continue;
    if (sets_add(&d->model->sets, &c->sender, 1, &l.senders) < 0) return -1;
    if (sets_add(&d->model->sets, &c->recipient, 1, &l.recipients) < 0) return -1;
    if (!genalloc_append(struct diff_line, &d->lines, &l)) return errno = ENOMEM, -1;
  }
  return 0;
}

enum factor { CLIENTS, SENDERS, RECIPIENTS };

static uint32_t *factor_of(struct diff_line *l, enum factor f)
{
  return f == CLIENTS ? &l->clients : f == SENDERS ? &l->senders : &l->recipients;
}

/* A line with what must be the same to be joined. */
struct keyed {
  struct diff_line key; /* without the factor */
  uint32_t set;
};

static int compare(uint64_t a, uint64_t b)
{
  return a < b ? -1 : a > b;
}

static int key_order(struct diff_line const *a, struct diff_line const *b)
{
  int r = compare(a->kind, b->kind);
  if (!r) r = memcmp(a->when.bits, b->when.bits, sizeof a->when.bits);
  if (!r) r = compare(a->recipients, b->recipients);
  if (!r) r = compare(a->recipient_marks, b->recipient_marks);
  if (!r) r = compare(a->senders, b->senders);
  if (!r) r = compare(a->sender_marks, b->sender_marks);
  return r ? r : compare(a->clients, b->clients);
}

static int by_key(void const *x, void const *y)
{
  struct keyed const *a = x, *b = y;
  int r = key_order(&a->key, &b->key);
  return r ? r : compare(a->set, b->set);
}

static int by_number(void const *x, void const *y)
{
  uint32_t const *a = x, *b = y;
  return *a < *b ? -1 : *a > *b;
}

/* The union of n lines' sets. */
static int unite(struct diff *d, struct keyed const *k, size_t n, uint32_t *set)
{
  genalloc all = GENALLOC_ZERO;
  int failed = 0;
  for (size_t i = 0, len; i < n && !failed; i++) {
    uint32_t const *list = sets_get(&d->model->sets, k[i].set, &len);
    if (!genalloc_catb(uint32_t, &all, list, len)) failed = -1, errno = ENOMEM;
  }
  uint32_t *s = genalloc_s(uint32_t, &all);
  size_t have = genalloc_len(uint32_t, &all), len = 0;
  if (have) qsort(s, have, sizeof *s, by_number);
  for (size_t i = 0; i < have; i++)
    if (!len || s[i] != s[len - 1]) s[len++] = s[i];
  if (!failed) failed = sets_add(&d->model->sets, s, len, set);
  genalloc_free(uint32_t, &all);
  return failed;
}

/* Returns how many lines (from number `from` on) went, or -1. */
static ssize_t join(struct diff *d, size_t from, enum factor f)
{
  struct diff_line *l = genalloc_s(struct diff_line, &d->lines) + from;
  size_t n = genalloc_len(struct diff_line, &d->lines) - from, len = 0;
  struct keyed *k = calloc(n + 1, sizeof *k);
  if (!k) return -1;
  for (size_t i = 0; i < n; i++) {
    k[i].key = l[i];
    k[i].set = *factor_of(&k[i].key, f);
    *factor_of(&k[i].key, f) = 0;
  }
  qsort(k, n, sizeof *k, by_key);
  for (size_t i = 0, end; i < n; i = end) {
    uint32_t set = k[i].set;
    for (end = i + 1; end < n && !key_order(&k[i].key, &k[end].key); ) end++;
    if (end > i + 1 && unite(d, k + i, end - i, &set) < 0) return free(k), -1;
    l[len] = k[i].key;
    *factor_of(l + len++, f) = set;
  }
  free(k);
  genalloc_setlen(struct diff_line, &d->lines, from + len);
  return (ssize_t)(n - len);
}

int lines_join(struct diff *d, size_t from)
{
  static enum factor const order[] = { RECIPIENTS, SENDERS, CLIENTS };
  ssize_t gone;
  if (genalloc_len(struct diff_line, &d->lines) == from) return 0;
  do {
    gone = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
      ssize_t r = join(d, from, order[i]);
      if (r < 0) return -1;
      gone += r;
    }
  } while (gone);
  return 0;
}
