/* Asking decide(), one way after the other. */
#include <errno.h>
#include <string.h>
#include "policy/match.h"
#include "prove/work.h"

#define LINE_COST 65536   /* more than all bytes of a way */

void amount_add(struct amount *a, struct ip const *first, struct ip const *last)
{
  struct wide n = range_global(first, last);
  if (first->len == 4) a->v4 += n.low;
  else wide_add(&a->v6, n);
}

int work_line(struct work *w, char const *what, struct record *r)
{
  int found = match_line(w->t, what, r);
  return found < 0 ? (errno = EPROTO, -1) : found;
}

int work_open(struct work *w, struct opening *o)
{
  struct record const *by[] = { &o->record, &o->grant };
  for (size_t i = 0; i < 2; i++)
    if ((by[i]->len == 9 && !memcmp(by[i]->data, "forgeable", 9)) ||
        (by[i]->len == 10 && !memcmp(by[i]->data, "open-relay", 10))) o->declared = 1;
  w->p->undeclared += !o->declared;
  return genalloc_append(struct opening, &w->p->openings, o) ? 0 : (errno = ENOMEM, -1);
}

static int decided(struct work *w, struct facts const *f, struct decision *d)
{
  struct facts later = *f;
  w->p->decisions++;
  decide(d, w->t, f);
  if (d->reason == REASON_TABLES) return errno = EPROTO, -1;
  if (!w->p->stamps || d->verdict != VERDICT_REFUSE) return 0;
  later.stamp_unknown = 1; /* must open nothing either, on a listener where stamps count */
  if (!listener_is_submission(f->listener)) later.listener = w->stamped;
  w->p->decisions++;
  decide(d, w->t, &later);
  if (d->reason == REASON_TABLES) return errno = EPROTO, -1;
  return 0;
}

/* Whatever the DNS says: nothing but addresses within the prefixes may let the recipient in. */
static int ask_mx(struct work *w, struct facts *f, struct decision *d)
{
  static enum answer const answers[] = { ANSWER_NO, ANSWER_UNKNOWN, ANSWER_YES };
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    f->mx = answers[i];
    f->hosts = &w->outside;
    f->hosts_n = w->outside.len != 0;
    if (f->mx == ANSWER_YES && !f->hosts_n) continue;
    if (decided(w, f, d) < 0) return -1;
    if (d->verdict == VERDICT_ACCEPT) return 1;
  }
  return 0;
}

int work_ask(struct work *w, struct way const *way, struct decision *d)
{
  struct address sender, recipient;
  struct decision mine;
  struct facts f = { .client = way->named.len ? way->named : way->client, .trusted = way->trusted, .tls = way->tls,
    .listener = way->submission ? LISTENER_SUBMISSION : "" };
  if (!d) d = &mine;
  f.sender = classes_example(w->c, classes_address(w->c, way->sender), &sender);
  f.recipient = classes_example(w->c, classes_address(w->c, way->recipient), &recipient);
  if (!f.recipient) return errno = EPROTO, -1;
  if (way->asked) f.mailbox = ANSWER_YES;
  if (way->mx.len) f.mx = ANSWER_YES, f.hosts = &way->mx, f.hosts_n = 1;
  if (decided(w, &f, d) < 0) return -1;
  if (d->verdict == VERDICT_ASK_MX) {
    int r = ask_mx(w, &f, d);
    if (r <= 0) return r;
  }
  return d->verdict == VERDICT_ACCEPT && !reason_incoming(d->reason) &&
    !(RECIPIENT_TRAITS(w, way->recipient) & RECIPIENT_GRANTED);
}

void work_cost(struct work *w, struct way *way)
{
  size_t lines = 2 * (way->named.len != 0) + 3 * way->tls + (way->mx.len != 0) + (way->host[0] != 0) + way->submission;
  way->cost = lines * LINE_COST + COST(w, way->sender) + COST(w, way->recipient);
}

/* Tries the senders given with a recipient of each group. */
static int pairs(struct work *w, struct way *way, size_t const *senders, size_t n, unsigned without)
{
  struct way best = { .cost = (size_t)-1 }, now = *way;
  for (unsigned session = 0; session < 4; session++) {
    now.tls = session & 1;
    now.submission = session >> 1;
    for (size_t s = 0; s < n; s++) {
      if (senders[s] == CLASSES_NONE || (SENDER_TRAITS(w, senders[s]) & without)) continue;
      for (size_t r = 0; r < TRAITS; r++) {
        if (w->recipient[r] == CLASSES_NONE) continue;
        now.sender = senders[s];
        now.recipient = w->recipient[r];
        int relayed = work_ask(w, &now, 0);
        if (relayed < 0) return -1;
        work_cost(w, &now);
        if (relayed && now.cost < best.cost) best = now;
      }
    }
  }
  if (best.cost == (size_t)-1) return 0;
  *way = best;
  return 1;
}

int work_pairs(struct work *w, struct way *way, unsigned without)
{
  return pairs(w, way, w->sender, TRAITS, without);
}

int work_sender(struct work *w, struct way *way, size_t sender)
{
  return pairs(w, way, &sender, 1, 0);
}
