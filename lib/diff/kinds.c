/* Asks decide() in both tables for one of each combination, in all situations that can make a difference. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

enum outcome { REFUSED, RELAYED, OURS };

void situation_facts(struct diff const *d, struct facts *f, unsigned i)
{
  struct ip const *host = d->model->hosts + diff_value(i, DIFF_EXCHANGERS);
  unsigned wire = 2 * diff_value(i, DIFF_SUBMISSION) + diff_value(i, DIFF_TLS);
  classes_session(f, (2 * wire + (diff_value(i, DIFF_STAMP) != 0)) * 3 + diff_value(i, DIFF_LOGIN));
  f->mailbox = diff_value(i, DIFF_MAILBOX) ? ANSWER_YES : ANSWER_NO;
  f->mx = host->len ? ANSWER_YES : ANSWER_NO;
  f->hosts = host;
  f->hosts_n = host->len != 0;
}

/* Returns the outcome, or -1. */
static int ask(struct table_set const *t, struct facts const *f)
{
  struct decision d;
  decide(&d, t, f);
  if (d.reason == REASON_TABLES) return errno = EPROTO, -1;
  if (d.verdict != VERDICT_ACCEPT) return REFUSED;
  return reason_incoming(d.reason) ? OURS : RELAYED;
}

static enum diff_kind kind_of(int before, int now, unsigned const traits[2])
{
  int changed = !(traits[0] & traits[1] & RECIPIENT_HOSTED);
  if (before == now) return DIFF_NONE;
  if (now == OURS) return changed && !(traits[0] & RECIPIENT_DENIED) ? DIFF_HOSTS : DIFF_TAKES;
  if (before == OURS) return changed && !(traits[1] & RECIPIENT_DENIED) ? DIFF_UNHOSTS : DIFF_REFUSES;
  return now == RELAYED ? DIFF_GAINS : DIFF_LOSES;
}

/* With whose stamp the sender sends, and on which listener. */
struct stamped {
  int there;
  char const *user, *listener;
};

struct asking {
  struct diff const *d;
  struct facts f[2];
  unsigned traits[2];    /* the recipient's */
  struct stamped stamped[2][DIFF_STAMPS]; /* by listener (other, submission) and value; for no stamp there is none */
};

/* The properties of a situation that count: the others are as they are in situation 0. */
static unsigned plain(struct asking const *x, unsigned i)
{
  unsigned value[DIFF_PROPERTIES];
  for (unsigned p = 0; p < DIFF_PROPERTIES; p++) value[p] = diff_value(i, (enum diff_property)p);
  int relayed = !(x->traits[0] & RECIPIENT_HOSTED) || !(x->traits[1] & RECIPIENT_HOSTED);
  if (!((x->traits[0] | x->traits[1]) & RECIPIENT_ASKED)) value[DIFF_MAILBOX] = 0;
  if (!relayed || !x->d->model->hosts[value[DIFF_EXCHANGERS]].len) value[DIFF_EXCHANGERS] = 0;
  if (!relayed || !x->stamped[value[DIFF_SUBMISSION]][value[DIFF_STAMP]].there) value[DIFF_STAMP] = 0;
  return diff_situation(value);
}

/* The facts of a situation for one of the tables. */
static struct facts facts_of(struct asking const *x, unsigned i, unsigned t)
{
  struct facts f = x->f[t];
  struct stamped const *s = x->stamped[diff_value(i, DIFF_SUBMISSION)] + diff_value(i, DIFF_STAMP);
  situation_facts(x->d, &f, i);
  f.stamp = s->user;
  if (s->there) f.listener = s->listener;
  return f;
}

static int fill(struct asking const *x, struct kinds *k)
{
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++) {
    unsigned same = plain(x, i);
    int outcome[2];
    if (same < i) {
      k->kind[i] = k->kind[same];
      continue;
    }
    for (unsigned t = 0; t < 2; t++) {
      struct facts f = facts_of(x, i, t);
      if ((outcome[t] = ask(x->d->t[t], &f)) < 0) return -1;
    }
    k->kind[i] = (uint8_t)kind_of(outcome[0], outcome[1], x->traits);
  }
  return 0;
}

static int find_stamped(struct asking *x, size_t sender)
{
  for (unsigned submission = 0; submission < 2; submission++)
    for (unsigned value = 1; value < DIFF_STAMPS; value++) {
      struct stamped *s = x->stamped[submission] + value;
      s->there = stamps_witness(x->d, sender, value, submission, &s->user, &s->listener);
      if (s->there < 0) return -1;
    }
  return 0;
}

static int make(struct diff *d, struct kinds *k, struct atom const *a, size_t sender, size_t recipient)
{
  struct address from, to;
  struct asking *x = calloc(1, sizeof *x);
  if (!x) return errno = ENOMEM, -1;
  x->d = d;
  for (unsigned t = 0; t < 2; t++) {
    struct facts *f = x->f + t;
    if (a->class != CLASSES_NONE) f->client = classes_client(&d->classes, a->class)->example;
    f->trusted = !!(a->view[t] & TRUSTED);
    f->sender = classes_example(&d->classes, classes_address(&d->classes, sender), &from);
    f->recipient = classes_example(&d->classes, classes_address(&d->classes, recipient), &to);
    x->traits[t] = diff_traits(d, 1, recipient, t);
  }
  int r = find_stamped(x, sender) < 0 ? -1 : fill(x, k), e = errno;
  free(x);
  return errno = e, r;
}

int kinds_get(struct diff *d, size_t atom, size_t sender, size_t recipient, unsigned device, struct kinds const **k)
{
  struct model *m = d->model;
  struct atom const *a = genalloc_s(struct atom, &m->atoms) + atom;
  size_t senders = genalloc_len(struct pair, &m->senders.pairs);
  size_t recipients = genalloc_len(struct pair, &m->recipients.pairs);
  struct kinds made;
  if (!m->memo && !(m->memo = calloc(VIEWS * senders * recipients * 4, sizeof *m->memo))) return errno = ENOMEM, -1;
  uint32_t *memo = m->memo + ((view_pair(a) * senders + m->senders.pair[sender]) * recipients
    + m->recipients.pair[recipient]) * 4 + device;
  if (!*memo) {
    if (make(d, &made, a, sender, recipient) < 0) return -1;
    if (!genalloc_append(struct kinds, &m->kinds, &made)) return errno = ENOMEM, -1;
    *memo = (uint32_t)genalloc_len(struct kinds, &m->kinds);
  }
  *k = genalloc_s(struct kinds, &m->kinds) + *memo - 1;
  return 0;
}
