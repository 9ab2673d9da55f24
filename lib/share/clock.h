/* How far the system's clock has been set back. What was signed can be brought again by whoever can write to the
 * server; once a stamp has expired here and has been swept away, nothing but the clock says that it is old. So the
 * clock that counts is the one that goes on from the latest it has ever said, by the time since the machine's start,
 * which nobody sets. */
#ifndef SHARE_CLOCK_H
#define SHARE_CLOCK_H

#include <stdint.h>

struct share_clock {
  int64_t most;          /* the largest difference of the two that was seen, nanoseconds */
  unsigned known : 1;
};

/* Looks at the system's clock and at the time since the machine's start, in nanoseconds, the first read before the
 * second. Returns how many whole seconds the first is behind where it would be if nobody had ever set it back. Never
 * less than 0. */
int64_t share_clock_late(struct share_clock *k, int64_t now, int64_t boot);

#endif
