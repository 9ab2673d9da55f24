/* One case of a line, decided by both tables. */
#include <string.h>
#include "diff/model.h"
#include "policy/gate.h"

/* Does its address alone say how the gate sees it? */
static int by_address(struct atom const *a)
{
  return !a->names && a->user == CLASSES_NONE && a->user_host == CLASSES_NONE;
}

/* The client's: of the set the first with an address and neither name nor user, else the first. */
static struct atom const *choose(struct diff const *d, uint32_t set)
{
  size_t n;
  uint32_t const *list = sets_get(&d->model->sets, set, &n);
  struct atom const *all = genalloc_s(struct atom, &d->model->atoms), *first = n ? all + list[0] : 0;
  for (size_t i = 0; i < n; i++) {
    struct atom const *a = all + list[i];
    if (a->class != CLASSES_NONE && by_address(a)) return a;
  }
  return first;
}

/* An address of the atom: that of its class if it is within. */
static struct ip address_of(struct diff const *d, struct atom const *a, uint32_t line[2])
{
  struct ip ip = { .len = 0 };
  struct span const *s = genalloc_s(struct span, &d->model->spans) + a->first;
  line[0] = line[1] = 0;
  if (a->class == CLASSES_NONE) return ip;
  struct ip const *wish = &classes_client(&d->classes, a->class)->example;
  for (size_t i = 0; i < a->n; i++) {
    int inside = s[i].first.len == wish->len && memcmp(s[i].first.b, wish->b, 16) <= 0 &&
      memcmp(s[i].last.b, wish->b, 16) >= 0;
    if (i && !inside) continue;
    ip = inside ? *wish : s[i].first;
    memcpy(line, s[i].line, sizeof s[i].line);
    if (inside) break;
  }
  return ip;
}

/* marks are sorted by place. */
static int is_mark(struct model const *m, uint32_t const *marks, size_t n, size_t class)
{
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (marks[middle] == class) return 1;
    if (m->place[marks[middle]] < m->place[class]) low = middle + 1;
    else high = middle;
  }
  return 0;
}

/* The first class of the first group of a set whose stamps can do this (0: any), or CLASSES_NONE. */
static size_t find_address(struct diff const *d, struct side const *s, uint32_t set, uint32_t marks_set,
                           unsigned stamp)
{
  size_t n, k;
  uint32_t const *list = sets_get(&d->model->sets, set, &n), *m = sets_get(&d->model->sets, marks_set, &k);
  uint32_t pairs = (uint32_t)genalloc_len(struct pair, &s->pairs);
  for (size_t g = 0; g < n; g++) {
    size_t mark = list[g] / pairs ? m[list[g] / pairs - 1] : CLASSES_NONE;
    struct pair const *p = genalloc_s(struct pair, &s->pairs) + list[g] % pairs;
    for (size_t i = 0; i < p->n && (p->stamps & stamp) == stamp; i++) {
      size_t at = d->model->order[p->places[i]], w = at;
      while (w != CLASSES_NONE && !is_mark(d->model, m, k, w)) w = classes_address(&d->classes, w)->wider;
      if (w == mark) return at;
    }
  }
  return CLASSES_NONE;
}

/* The first situation of the line in which there is somebody, and the sender's class. Returns it, and the user and the
 * listener of a stamp, if it has one. */
static unsigned find_situation(struct diff const *d, struct diff_line const *l, size_t *sender, char const **user,
                               char const **listener)
{
  unsigned seen = 0;
  *user = *listener = 0;
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++) {
    unsigned value = diff_value(i, DIFF_STAMP), submission = diff_value(i, DIFF_SUBMISSION);
    unsigned bit = value ? STAMP_BIT(value, submission) : 0;
    if (!diff_in(&l->when, i) || diff_situation_void(d, i) || bit & seen) continue;
    *sender = find_address(d, &d->model->senders, l->senders, l->sender_marks, bit);
    if (*sender != CLASSES_NONE && (!bit || stamps_witness(d, *sender, value, submission, user, listener) == 1))
      return i;
    seen |= bit;
  }
  *user = *listener = 0;
  *sender = find_address(d, &d->model->senders, l->senders, l->sender_marks, 0);
  return 0;
}

static void set_address(struct diff const *d, struct address *a, size_t class)
{
  memset(a, 0, sizeof *a);
  if (class != CLASSES_NONE) classes_example(&d->classes, classes_address(&d->classes, class), a);
}

void diff_example(struct diff_example *x, struct diff const *d, struct diff_line const *l)
{
  struct atom const *a = choose(d, l->clients);
  uint32_t line[2] = { 0, 0 };
  char const *user, *listener;
  size_t sender;
  memset(x, 0, sizeof *x);
  if (a) x->client = address_of(d, a, line);
  unsigned i = find_situation(d, l, &sender, &user, &listener);
  set_address(d, &x->sender, sender);
  set_address(d, &x->recipient, find_address(d, &d->model->recipients, l->recipients, l->recipient_marks, 0));
  for (unsigned t = 0; t < 2; t++) {
    struct facts *f = x->facts + t;
    situation_facts(d, f, i);
    f->stamp = user;
    if (user) f->listener = listener;
    f->client = x->client;
    f->sender = x->sender.len ? &x->sender : 0;
    f->recipient = &x->recipient;
    if (a) {
      x->denied[t] = !!(a->view[t] & DENIED);
      f->trusted = !!(a->view[t] & TRUSTED);
      x->line[t] = by_address(a) ? line[t] : 0;
    }
    if (x->recipient.len) decide(x->decision + t, d->t[t], f);
  }
}
