/* The clock. */
#include <time.h>
#include "base/io.h"
#include "send/clock.h"

void clock_look(struct send *s)
{
  int64_t last = s->now;
  s->now = time(0);
  s->up = io_now() / 1000;
  if (s->now >= last - CLOCK_BACK && s->since) return;
  s->back = s->since != 0;
  s->since = s->now;
}

int clock_back(struct send *s)
{
  int back = s->back;
  s->back = 0;
  return back;
}

int64_t clock_arrival(struct send *s, int64_t arrival)
{
  if (arrival <= s->now + CLOCK_BACK) return arrival;
  clock_look(s); /* it may have come, or the clock been set, since */
  return arrival <= s->now + CLOCK_BACK ? arrival : s->since;
}
