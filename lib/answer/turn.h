/* One question about a recipient at a time, machine-wide. When the next hop of a domain leads back here, by a route to
 * ourselves or by way of another server that asks us, each question would bring a session that asks the same: here the
 * second one finds that the first is under way, and ends the circle. */
#ifndef ANSWER_TURN_H
#define ANSWER_TURN_H

#include <stdint.h>
#include "answer/cache.h"

#define TURN_WAIT 1500 /* milliseconds that a second asker waits for the first */

struct turn {
  int fd;       /* the cache's, or a socket of ours; -1: not taken */
  int64_t at;   /* the byte that is locked; -1: fd is a socket */
};

/* Takes the turn for what `route` (policy/route.h's word) says about an address. It is a lock on a byte behind the
 * cache's end; without a cache, or a file system that locks, a name in Linux' abstract space of Unix sockets. Waits for
 * TURN_WAIT, and never beyond `deadline` (io_now's clock). Returns 1: it is ours until turn_end or our end, and *waited
 * says whether somebody else had it before; or 0: somebody has it, or it can't be had. */
int turn_take(struct turn *x, struct cache const *c, char const *route, char const *address, int64_t deadline,
              int *waited);
void turn_end(struct turn *x);

#endif
