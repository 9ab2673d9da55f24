/* Buckets that leak. */
#include <string.h>
#include <skalibs/uint64.h>
#include "checker/failures.h"

#define FORMAT "posthouse failures 1"
#define ONE 1000 /* a failure */

struct change {
  struct failures const *f;
  uint64_t now;
  int back;
  uint32_t count;
};

char const *failures_open(struct failures *f, char const *path)
{
  return slots_open(&f->slots, path, FORMAT);
}

void failures_close(struct failures *f)
{
  slots_close(&f->slots);
}

/* What is in the bucket now. A change from the future is one before the clock was set back. */
static uint64_t level(struct change const *c, char const data[SLOTS_DATA])
{
  uint64_t was, since;
  uint64_unpack(data, &was);
  uint64_unpack(data + 8, &since);
  uint64_t most = (uint64_t)c->f->max * ONE, passed = c->now > since ? c->now - since : 0;
  if (was > most) was = most;
  if (passed / 1000 >= c->f->forget) return 0;
  uint64_t leaked = passed * c->f->max / c->f->forget;
  return was > leaked ? was - leaked : 0;
}

static int change(void *arg, char data[SLOTS_DATA])
{
  struct change *c = arg;
  uint64_t now = level(c, data);
  if (!c->back && now + ONE > (uint64_t)c->f->max * ONE) return c->count = 0, 0;
  now = c->back ? now > ONE ? now - ONE : 0 : now + ONE;
  c->count = (uint32_t)((now + ONE - 1) / ONE);
  uint64_pack(data, now);
  uint64_pack(data + 8, c->now);
  return 1;
}

static void run(struct change *c, struct ip const *ip)
{
  char key[17] = { (char)ip->len };
  memcpy(key + 1, ip->b, ip->len == 16 ? 8 : ip->len);
  slots_change(&c->f->slots, key, sizeof key, &change, c);
}

uint32_t failures_begin(struct failures const *f, struct ip const *ip, int64_t now)
{
  struct change c = { f, now > 0 ? (uint64_t)now : 0, 0, 1 };
  run(&c, ip);
  return c.count;
}

void failures_take_back(struct failures const *f, struct ip const *ip, int64_t now)
{
  struct change c = { f, now > 0 ? (uint64_t)now : 0, 1, 0 };
  run(&c, ip);
}
