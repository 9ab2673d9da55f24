/* New rules. */
#include "base/log.h"
#include "send/destination.h"
#include "send/message.h"
#include "send/pool.h"
#include "send/renew.h"

/* Empties all queues. Returns their deliveries, in their order, each still counted by its message (`out`); late ones,
 * too. Parked messages become due. */
static struct delivery *collect(struct send *s)
{
  struct delivery *first = 0, **end = &first;
  for (size_t i = 0; i < s->buckets; i++)
    for (struct destination *d = s->bucket[i]; d; d = d->chain) {
      destination_fill(s, d, 1);
      destination_unpark_all(s, d, s->now, 0);
      while ((*end = destination_pop(d))) end = &(*end)->next;
    }
  return first;
}

int renew(struct send *s, int force)
{
  struct log_line l;
  unsigned before = s->routing.edition, n = 0;
  int ok = routing_fresh(&s->routing, s->now, force);
  if (s->routing.edition == before || before == 0) return ok;
  pool_end_idle(s);
  for (struct delivery *v = collect(s), *next; v; v = next, n++) {
    next = v->next;
    message_route_again(s, v);
  }
  log_start(&l, "rules");
  log_num(&l, "rerouted", n);
  log_end(&l);
  return ok;
}
