/* Situations as a few terms: each is as wide as it can be and stay true. What is void counts as both. */
#include <errno.h>
#include <string.h>
#include "diff/diff.h"

unsigned const diff_values[DIFF_PROPERTIES] = { 3, 2, 2, 2, 2, DIFF_MX };

static unsigned value(unsigned i, enum diff_property p)
{
  unsigned session = i % CLASSES_SESSIONS;
  switch (p) {
    case DIFF_LOGIN: return session % 3;
    case DIFF_STAMP: return session / 3 % 2;
    case DIFF_TLS: return session / 6 % 2;
    case DIFF_SUBMISSION: return session / 12;
    case DIFF_MAILBOX: return i / CLASSES_SESSIONS % 2;
    default: return i / (2 * CLASSES_SESSIONS);
  }
}

static int holds(struct diff_term const *t, unsigned i)
{
  for (unsigned p = 0; p < DIFF_PROPERTIES; p++)
    if (!(t->fits[p] >> value(i, (enum diff_property)p) & 1)) return 0;
  return 1;
}

/* Is all that the term holds for among the situations? */
static int within(struct diff_term const *t, struct diff_situations const *s)
{
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++)
    if (!diff_in(s, i) && !diff_situation_void(i) && holds(t, i)) return 0;
  return 1;
}

/* The widest term around situation i: first what rarely counts is let go. */
static struct diff_term widen(struct diff_situations const *s, unsigned i)
{
  struct diff_term t;
  for (unsigned p = 0; p < DIFF_PROPERTIES; p++) t.fits[p] = (uint8_t)(1U << value(i, (enum diff_property)p));
  for (unsigned p = DIFF_PROPERTIES; p--; ) {
    for (unsigned v = 0; v < diff_values[p]; v++) {
      struct diff_term wider = t;
      wider.fits[p] |= (uint8_t)(1U << v);
      if (within(&wider, s)) t = wider;
    }
  }
  return t;
}

int diff_describe_when(genalloc *terms, struct diff_situations const *s)
{
  struct diff_situations left = *s;
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++) {
    if (!diff_in(&left, i)) continue;
    struct diff_term t = widen(s, i);
    if (!genalloc_append(struct diff_term, terms, &t)) return errno = ENOMEM, -1;
    for (unsigned k = i; k < DIFF_SITUATIONS; k++)
      if (holds(&t, k)) left.bits[k / 64] &= ~(UINT64_C(1) << k % 64);
  }
  return 0;
}
