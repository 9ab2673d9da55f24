/* Situations as a few terms: each is as wide as it can be and stay true. What is void counts as both. */
#include <errno.h>
#include <string.h>
#include "diff/model.h"

unsigned const diff_values[DIFF_PROPERTIES] = { 3, DIFF_STAMPS, 2, 2, 2, DIFF_MX };

unsigned diff_value(unsigned i, enum diff_property p)
{
  for (unsigned k = 0; k < p; k++) i /= diff_values[k];
  return i % diff_values[p];
}

unsigned diff_situation(unsigned const value[DIFF_PROPERTIES])
{
  unsigned i = 0;
  for (unsigned p = DIFF_PROPERTIES; p--; ) i = i * diff_values[p] + value[p];
  return i;
}

int diff_situation_void(struct diff const *d, unsigned i)
{
  unsigned stamp = diff_value(i, DIFF_STAMP), submission = diff_value(i, DIFF_SUBMISSION);
  if (submission && !diff_value(i, DIFF_LOGIN)) return 1;
  unsigned some = stamp ? d->model->stamps.some : 0; /* such stamps are there, but never on such a listener */
  return some & STAMP_BIT(stamp + !stamp, !submission) && !(some & STAMP_BIT(stamp + !stamp, submission));
}

static int holds(struct diff_term const *t, unsigned i)
{
  for (unsigned p = 0; p < DIFF_PROPERTIES; p++)
    if (!(t->fits[p] >> diff_value(i, (enum diff_property)p) & 1)) return 0;
  return 1;
}

/* Is all that the term holds for among the situations? */
static int within(struct diff_term const *t, struct diff const *d, struct diff_situations const *s)
{
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++)
    if (!diff_in(s, i) && !diff_situation_void(d, i) && holds(t, i)) return 0;
  return 1;
}

/* Is there somebody in one of the situations that the term holds for? */
static int some(struct diff_term const *t, struct diff const *d)
{
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++)
    if (holds(t, i) && !diff_situation_void(d, i)) return 1;
  return 0;
}

/* The widest term around situation i: first what rarely counts is let go. */
static struct diff_term widen(struct diff const *d, struct diff_situations const *s, unsigned i)
{
  struct diff_term t;
  for (unsigned p = 0; p < DIFF_PROPERTIES; p++) t.fits[p] = (uint8_t)(1U << diff_value(i, (enum diff_property)p));
  for (unsigned p = DIFF_PROPERTIES; p--; ) {
    for (unsigned v = 0; v < diff_values[p]; v++) {
      struct diff_term wider = t, more = t;
      wider.fits[p] |= (uint8_t)(1U << v);
      more.fits[p] = (uint8_t)(1U << v);
      if (within(&wider, d, s) && (p != DIFF_STAMP || some(&more, d))) t = wider;
    }
  }
  return t;
}

int diff_describe_when(genalloc *terms, struct diff const *d, struct diff_situations const *s)
{
  struct diff_situations left = *s;
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++) {
    if (!diff_in(&left, i)) continue;
    struct diff_term t = widen(d, s, i);
    if (!genalloc_append(struct diff_term, terms, &t)) return errno = ENOMEM, -1;
    for (unsigned k = i; k < DIFF_SITUATIONS; k++)
      if (holds(&t, k)) left.bits[k / 64] &= ~(UINT64_C(1) << k % 64);
  }
  return 0;
}
