/* A clock that was set back. */
#include <time.h>
#include "share/clock.h"
#include "share/work.h"

#define SECOND INT64_C(1000000000)

int64_t share_clock_late(struct share_clock *k, int64_t now, int64_t boot)
{
  int64_t ahead = now - boot;
  if (!k->known || ahead > k->most) k->most = ahead;
  k->known = 1;
  return (k->most - ahead) / SECOND;
}

static int64_t nanoseconds(struct timespec const *t)
{
  return t->tv_sec * SECOND + t->tv_nsec;
}

/* To be set right once may be what has happened; then others' stamps count as older than they are until we are started
 * again, and somebody must know. */
static void say(struct share *x, int64_t late)
{
  struct log_line l;
  if (late <= x->late_said) return;
  x->late_said = late;
  log_start(&l, "clock-set-back");
  log_num(&l, "seconds", (uint64_t)late);
  log_end(&l);
}

struct clocks clock_look(struct share *x, int64_t *late)
{
  struct timespec now, boot;
  clock_gettime(CLOCK_REALTIME, &now);
  if (clock_gettime(CLOCK_BOOTTIME, &boot) < 0) return *late = 0, (struct clocks){ .now = now.tv_sec, .boot = -1 };
  *late = share_clock_late(&x->clock, nanoseconds(&now), nanoseconds(&boot));
  say(x, *late);
  return (struct clocks){ .now = now.tv_sec, .boot = boot.tv_sec };
}
