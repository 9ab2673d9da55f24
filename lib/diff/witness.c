/* Somebody with whom a POP stamp counts as a situation says; and the lines about the grant itself. */
#include <errno.h>
#include <stdlib.h>
#include "diff/model.h"

/* Who is looked for. */
struct wanted {
  struct diff const *d;
  struct address sender;
  struct address const *from;
  unsigned value, holds;  /* in which tables the stamp counts; and in which the grants hold on the listener */
};

/* Is it this one? Returns 1, 0, -1 with errno. */
static int fits(struct wanted const *w, char const *user)
{
  unsigned counts = 0;
  for (unsigned t = 0; t < 2; t++) {
    if (!(w->holds >> t & 1)) continue;
    int may = pop_may_send(w->d->model->stamps.pop.grant + t, w->d->t[t], user, w->from);
    if (may < 0) return errno = EPROTO, -1;
    counts |= (unsigned)may << t;
  }
  return counts == w->value;
}

static int try(struct wanted const *w, uint32_t number, char const **user)
{
  if (!number) return 0;
  *user = genalloc_s(struct diff_user, &w->d->model->stamps.users)[number - 1].name;
  return fits(w, *user);
}

/* The users noted where the class and wider ones were counted are asked first: mostly one of them it is. */
static int find_user(struct wanted const *w, size_t sender, char const **user)
{
  struct stamps const *x = &w->d->model->stamps;
  *user = "";
  int r = fits(w, *user);
  for (unsigned may = 1; may < 4; may++) {
    if ((may & w->holds) != w->value) continue;
    for (size_t k = sender; r == 0 && k != CLASSES_NONE; k = classes_address(&w->d->classes, k)->wider)
      r = try(w, x->tally[k].who[may], user);
    if (r == 0) r = try(w, x->any.who[may], user);
  }
  for (uint32_t i = 0; i < genalloc_len(struct diff_user, &x->users) && r == 0; i++) r = try(w, i + 1, user);
  return r;
}

int stamps_witness(struct diff const *d, size_t sender, unsigned value, unsigned submission, char const **user,
                   char const **listener)
{
  struct stamps const *x = &d->model->stamps;
  struct wanted w = { .d = d, .value = value };
  int r = 0;
  if (!(x->able[sender] & STAMP_BIT(value, submission))) return 0;
  w.from = classes_example(&d->classes, classes_address(&d->classes, sender), &w.sender);
  for (w.holds = 1; w.holds < 4 && r == 0; w.holds++) {
    *listener = x->listener[submission][w.holds];
    if (*listener && (w.holds & value) == value && (r = find_user(&w, sender, user)) != 0) break;
  }
  return r;
}

struct diff_pop const *diff_pop(struct diff const *d)
{
  return &d->model->stamps.pop;
}

int diff_line_stamps(struct diff const *d, struct diff_line const *l)
{
  for (unsigned i = 0; l->kind < DIFF_REDIRECTS && i < DIFF_SITUATIONS; i++) {
    unsigned value[DIFF_PROPERTIES];
    for (unsigned p = 0; p < DIFF_PROPERTIES; p++) value[p] = diff_value(i, (enum diff_property)p);
    if (diff_situation_void(d, i) || !value[DIFF_STAMP]) continue;
    value[DIFF_STAMP] = 0;
    if (diff_in(&l->when, i) != diff_in(&l->when, diff_situation(value))) return 1;
  }
  return 0;
}

int stamps_lines(struct diff *d)
{
  struct diff_pop const *p = &d->model->stamps.pop;
  struct { enum diff_kind kind; int differs; } const both[] = {
    { DIFF_LASTS, p->grant[0].seconds != p->grant[1].seconds },
    { DIFF_SPREADS, p->grant[0].network != p->grant[1].network },
  };
  for (size_t i = 0; p->there[0] && p->there[1] && i < sizeof both / sizeof *both; i++) {
    struct diff_line l = { .kind = both[i].kind };
    if (both[i].differs && !genalloc_append(struct diff_line, &d->lines, &l)) return errno = ENOMEM, -1;
  }
  return 0;
}

void stamps_free(struct stamps *x)
{
  genalloc_free(struct diff_user, &x->users);
  genalloc_free(struct diff_user, &x->pop.users);
  stralloc_free(&x->names);
  free(x->able);
  free(x->tally);
}
