/* Messages whose marks could not be written. */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "send/hold.h"
#include "send/outcome.h"

static void say(char const *event, struct message const *m, char const *error)
{
  struct log_line l;
  log_start(&l, event);
  log_str(&l, "id", m->id);
  log_str(&l, "error", error);
  log_end(&l);
}

void hold_add(struct send *s, struct message *m)
{
  if (errno == ENOENT || m->held) return;
  say("trouble", m, strerror(errno));
  m->held = 1;
  m->hold_next = s->held;
  s->held = m;
  s->holds++;
  s->hold_wait = HOLD_LEAST;
  s->hold_at = s->now + s->hold_wait;
}

void hold_drop(struct send *s, struct message *m)
{
  if (!m->held) return;
  struct message **link = &s->held;
  while (*link != m) link = &(*link)->hold_next;
  *link = m->hold_next;
  m->held = 0;
  s->holds--;
}

void hold_retry(struct send *s, int now)
{
  struct message *list = 0, *next;
  if (!s->held || (!now && s->now < s->hold_at && s->hold_at <= s->now + HOLD_MOST)) return;
  for (struct message *m = s->held; m; m = next) {
    next = m->hold_next;
    if (store_settle(&m->store) < 0 && errno != ENOENT) continue;
    say("settled", m, 0);
    hold_drop(s, m);
    if (!m->waits) continue;
    m->waits = 0;
    m->hold_next = list;
    list = m;
  }
  s->hold_wait = 2 * s->hold_wait < HOLD_MOST ? 2 * s->hold_wait : HOLD_MOST;
  s->hold_at = s->now + s->hold_wait;
  for (; list; list = next) { /* only now, since they may come back */
    next = list->hold_next;
    message_advance(s, list);
  }
}

int hold_few(struct send const *s)
{
  return s->holds < HOLD_FEW;
}
