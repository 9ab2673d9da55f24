/* Asks decide() in both tables for one of each combination, in all situations that can make a difference. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

enum outcome { REFUSED, RELAYED, OURS };

int diff_situation_void(unsigned i)
{
  unsigned session = i % CLASSES_SESSIONS;
  return session / 12 && session % 3 == 0; /* submission without a login */
}

void situation_facts(struct diff const *d, struct facts *f, unsigned i)
{
  struct ip const *host = d->model->hosts + i / (2 * CLASSES_SESSIONS);
  classes_session(f, i % CLASSES_SESSIONS);
  f->mailbox = i / CLASSES_SESSIONS % 2 ? ANSWER_YES : ANSWER_NO;
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

/* The properties of a situation that count for these recipients: the others are as they are in situation 0. */
static unsigned plain(struct diff const *d, unsigned const traits[2], unsigned i)
{
  unsigned session = i % CLASSES_SESSIONS, mailbox = i / CLASSES_SESSIONS % 2, mx = i / (2 * CLASSES_SESSIONS);
  unsigned asked = (traits[0] | traits[1]) & RECIPIENT_ASKED;
  int relayed = !(traits[0] & RECIPIENT_HOSTED) || !(traits[1] & RECIPIENT_HOSTED);
  if (!asked) mailbox = 0;
  if (!relayed || !d->model->hosts[mx].len) mx = 0;
  return diff_situation(session, mailbox, mx);
}

static int fill(struct diff const *d, struct kinds *k, struct facts f[2], unsigned const traits[2])
{
  for (unsigned i = 0; i < DIFF_SITUATIONS; i++) {
    unsigned same = plain(d, traits, i);
    int outcome[2];
    if (same < i) {
      k->kind[i] = k->kind[same];
      continue;
    }
    for (unsigned t = 0; t < 2; t++) {
      situation_facts(d, f + t, i);
      if ((outcome[t] = ask(d->t[t], f + t)) < 0) return -1;
    }
    k->kind[i] = (uint8_t)kind_of(outcome[0], outcome[1], traits);
  }
  return 0;
}

static int make(struct diff *d, struct kinds *k, struct atom const *a, size_t sender, size_t recipient)
{
  struct address from, to;
  struct facts f[2];
  unsigned traits[2];
  memset(f, 0, sizeof f);
  for (unsigned t = 0; t < 2; t++) {
    if (a->class != CLASSES_NONE) f[t].client = classes_client(&d->classes, a->class)->example;
    f[t].trusted = !!(a->view[t] & TRUSTED);
    f[t].sender = classes_example(&d->classes, classes_address(&d->classes, sender), &from);
    f[t].recipient = classes_example(&d->classes, classes_address(&d->classes, recipient), &to);
    traits[t] = diff_traits(d, 1, recipient, t);
  }
  return fill(d, k, f, traits);
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
