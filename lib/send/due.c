/* What is started next. */
#include "send/destination.h"
#include "send/due.h"
#include "send/hold.h"
#include "send/message.h"
#include "send/pool.h"

#define STARTS 64   /* messages started before we look at events again */
#define PARKS 4096  /* and put aside without a look into their files */

int due_may_start(struct send const *s)
{
  return s->active < s->active_most && hold_few(s);
}

static uint32_t take(struct send *s)
{
  uint32_t slot = schedule_first(&s->schedule);
  int due = slot != SCHEDULE_NONE && s->schedule.slot[slot].when <= s->now;
  s->turn = !s->turn;
  if (s->turn || !due) {
    uint32_t fresh = schedule_take_fresh(&s->schedule);
    if (fresh != SCHEDULE_NONE) return fresh;
  }
  if (!due) return SCHEDULE_NONE;
  schedule_take(&s->schedule, slot);
  return slot;
}

int due_run(struct send *s)
{
  unsigned starts = 0, parks = 0;
  while (starts < STARTS && parks < PARKS) {
    if (!due_may_start(s)) return 0;
    uint32_t slot = take(s);
    if (slot == SCHEDULE_NONE) return 0;
    if (destination_park_unseen(s, slot)) {
      parks++;
      continue;
    }
    starts++;
    message_start(s, slot);
    pool_run(s);
  }
  return 1;
}

int64_t due_when(struct send const *s, int64_t otherwise)
{
  if (!due_may_start(s)) return otherwise;
  if (s->schedule.fresh != SCHEDULE_NONE) return s->now;
  uint32_t slot = schedule_first(&s->schedule);
  return slot != SCHEDULE_NONE ? s->schedule.slot[slot].when : otherwise;
}
