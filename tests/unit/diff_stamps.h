/* What the tests of lib/diff know of POP stamps, read off the records alone; and whether an example is one. */
#ifndef TESTS_DIFF_STAMPS_H
#define TESTS_DIFF_STAMPS_H

#include <strings.h>
#include "rules_double.h"
#include "diff/diff.h"
#include "policy/match.h"
#include "policy/senders.h"

/* Does the stamp count, by the table's own words? */
static int stamp_in(struct table_set const *t, struct facts const *f)
{
  struct record r, senders;
  int listeners = 0, here = 0;
  if (!f->stamp || match_line(t, "grant pop", &r) != 1) return 0;
  for (char const *s = r.data; s < r.data + r.len; s += strlen(s) + 1) {
    if (!strncmp(s, "on=", 3)) listeners = 1, here |= !strcasecmp(s + 3, f->listener);
    if (strcmp(s, "bound")) continue;
    if (table_find(t, TABLE_SENDERS, f->stamp, strlen(f->stamp), &senders) != 1) return 0;
    if (senders.len && !(f->sender->len && senders_allow(senders.data, senders.len, f->sender))) return 0;
  }
  return here || !listeners;
}

/* How long a stamp is fresh by a table, and for whom; 0: it has no such grant. */
static int pop_says(struct table_set const *t, enum diff_kind kind)
{
  struct record r;
  if (match_line(t, "grant pop", &r) != 1) return 0;
  int seconds = atoi(r.data);
  return kind == DIFF_LASTS ? seconds : 1 + !strcmp(r.data + strlen(r.data) + 1, "/64");
}

static int expected_grant(struct diff const *d, enum diff_kind kind)
{
  int old = pop_says(d->t[0], kind), new = pop_says(d->t[1], kind);
  return old && new && old != new;
}

/* Is the line's example one of its kind? */
static void check_example(struct diff const *d, struct diff_line const *l)
{
  struct diff_example x;
  int before, now;
  if (l->kind >= DIFF_REDIRECTS) return;
  diff_example(&x, d, l);
  before = x.decision[0].verdict != VERDICT_ACCEPT ? 0 : reason_incoming(x.decision[0].reason) ? 2 : 1;
  now = x.decision[1].verdict != VERDICT_ACCEPT ? 0 : reason_incoming(x.decision[1].reason) ? 2 : 1;
  assert_int_not_equal(before, now);
  if (l->kind == DIFF_GAINS) assert_true(!before && now == 1);
  if (l->kind == DIFF_LOSES) assert_true(before == 1 && !now);
  if (l->kind == DIFF_TAKES || l->kind == DIFF_HOSTS) assert_int_equal(now, 2);
  if (l->kind == DIFF_REFUSES || l->kind == DIFF_UNHOSTS) assert_int_equal(before, 2);
}

#endif
