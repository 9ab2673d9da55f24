/* The pool: which destination gets a relay-remote. Places are few, so an idle one, the longest idle first, makes
 * room for whoever needs it, and a busy one gives way after a while when others have none. */
#include <errno.h>
#include <string.h>
#include "send/destination.h"
#include "send/hold.h"
#include "send/message.h"
#include "send/pool.h"

#define SPREAD 300 /* seconds over which what was parked at a resting destination comes back */

void pool_not_idle(struct send *s, struct remote *r)
{
  if (s->newest != r && !r->newer) return; /* in no list */
  if (r->newer) r->newer->older = r->older;
  else s->newest = r->older;
  if (r->older) r->older->newer = r->newer;
  else s->oldest = r->newer;
  if (r->idle_prev) r->idle_prev->idle_next = r->idle_next;
  else r->destination->idle = r->idle_next;
  if (r->idle_next) r->idle_next->idle_prev = r->idle_prev;
  r->newer = r->older = r->idle_next = r->idle_prev = 0;
}

void pool_feed(struct send *s)
{
  struct destination *d = destination_next(s, 1);
  if (d) destination_list(s, d, 0);
}

static unsigned places(struct send const *s)
{
  return s->remote_most < s->routing.concurrency ? s->remote_most : s->routing.concurrency;
}

/* Must r give way? */
static int gives_way(struct send const *s, struct remote const *r)
{
  struct destination const *d = r->destination;
  int long_enough = r->row >= POOL_ROW || s->up - r->begun >= POOL_TIME;
  if (s->starved.first) return d->remotes > 1 || long_enough; /* who has none comes before anybody's second */
  if (!s->wanting.first || s->wanting.first == d) return 0;
  return long_enough || d->remotes > destination_allowed(s, d) || 2 * d->remotes > places(s);
}

void pool_idle(struct send *s, struct remote *r)
{
  struct destination *d = r->destination;
  destination_unpark(s, d);
  if (s->stopping || r->edition != s->routing.edition || gives_way(s, r)) {
    remote_end(s, r);
    return;
  }
  if (d->first) destination_list(s, d, 0);
  else {
    r->row = 0;
    pool_feed(s);
  }
  r->older = s->newest;
  if (s->newest) s->newest->newer = r;
  else s->oldest = r;
  s->newest = r;
  r->idle_next = d->idle;
  if (d->idle) d->idle->idle_prev = r;
  d->idle = r;
}

void pool_untried(struct send *s, struct destination *d, struct delivery *v)
{
  destination_push(d, v);
  destination_list(s, d, 0);
}

void pool_again(struct send *s, struct destination *d, struct delivery *v, char const *text, int down)
{
  if (!down && ++v->tries < DELIVERY_TRIES) {
    pool_untried(s, d, v);
    return;
  }
  if (down) {
    destination_failed(s, d, text);
    destination_fill(s, d, 1); /* what is late fails with the others */
  }
  message_outcome(s, v, OUTCOME_DEFERRED, text, d->word);
  if (!down) return;
  while ((v = destination_pop(d))) message_outcome(s, v, OUTCOME_DEFERRED, d->reason, d->word);
  destination_unpark_all(s, d, d->rest_until, SPREAD);
}

void pool_no_doubt(struct send *s, struct remote *r)
{
  if (!r->doubt) return;
  r->doubt = 0;
  s->doubts--;
  if (s->doubtful.first) destination_list(s, s->doubtful.first, 0);
}

/* Those that failed before, and may hang until a time is over, never have more than half of the places. */
static int doubted(struct send const *s, struct destination const *d)
{
  return d->failures && s->doubts >= (places(s) + 1) / 2;
}

/* A relay-remote for d's next delivery: an idle one, or a new one while there is a place. Null when there is none
 * now. */
static struct remote *obtain(struct send *s, struct destination *d)
{
  struct remote *r = d->idle;
  if (r) {
    pool_not_idle(s, r);
    return r;
  }
  if (d->remotes >= destination_allowed(s, d)) return 0; /* one of them will come back */
  if (doubted(s, d)) {
    destination_doubt(s, d);
    return 0;
  }
  unsigned most = places(s);
  if (s->remotes >= most && s->oldest) remote_end(s, s->oldest);
  if (s->remotes >= most) {
    destination_list(s, d, 1);
    return 0;
  }
  r = remote_start(s, d);
  if (!r && !d->remotes) pool_again(s, d, destination_pop(d), strerror(errno), 1);
  return r;
}

static void run(struct send *s, struct destination *d)
{
  while (d->first) {
    if (!d->first->n) { /* there was no memory for its recipients */
      message_outcome(s, destination_pop(d), OUTCOME_DEFERRED, "", d->word);
      continue;
    }
    struct remote *r = obtain(s, d);
    if (!r) return;
    struct delivery *v = destination_pop(d);
    int reused = r->reports > 0;
    if (remote_give(s, r, v)) continue;
    remote_end(s, r);
    if (reused) pool_untried(s, d, v);
    else pool_again(s, d, v, "The delivery program could not be given the message. (#4.3.0)", 1);
  }
}

void pool_run(struct send *s)
{
  struct destination *d;
  while (!s->stopping && hold_few(s) && (d = destination_next(s, 0))) run(s, d);
}

void pool_end_idle(struct send *s)
{
  while (s->oldest) remote_end(s, s->oldest);
}
