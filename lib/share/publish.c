/* Telling the server. */
#include <string.h>
#include "parse/number.h"
#include "share/work.h"

#define ROOM 1024 /* commands */

int publish_room(struct share const *x)
{
  return x->state == STATE_READY && wire_room(&x->command) >= ROOM;
}

/* The time is said as it is by both clocks, so that a clock that was set back makes it no younger elsewhere, either. */
void publish(struct share *x, struct stamp const *s)
{
  char name[WHERE_PREFIX + ENTRY_NAME], channel[WHERE_PREFIX + sizeof SHARE_CHANNEL];
  char entry[ENTRY_MAX], left[NUMBER_TEXT];
  struct clocks c = stamp_clocks();
  int64_t age = stamp_age(s, c.now, c.boot);
  struct stamp ours = *s;
  if (*s->node || age < 0 || age >= x->o->seconds || age > c.now) return;
  strcpy(ours.node, x->o->node);
  ours.time = c.now - age;
  size_t n = entry_seal(entry, &ours, &x->o->key);
  entry_name(stpcpy(name, x->o->prefix), &ours);
  strcpy(stpcpy(channel, x->o->prefix), SHARE_CHANNEL);
  struct wire_word const news[] = { { "PUBLISH", 7 }, { channel, strlen(channel) }, { entry, n } };
  size_t digits = number_fmt(left, (uint64_t)(x->o->seconds - age));
  struct wire_word const put[] = { { "SET", 3 }, { name, strlen(name) }, { entry, n }, { "EX", 2 }, { left, digits } };
  if (!n) return link_fail(x, TROUBLE_LOST, "out of memory");
  if (wire_send(&x->command, DUE_SET, put, 5) < 0 || wire_send(&x->command, DUE_PUBLISH, news, 3) < 0)
    link_fail(x, TROUBLE_LOST, x->command.why);
}
