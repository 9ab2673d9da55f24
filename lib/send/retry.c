/* When to try again. The square root of the age grows by the same step from try to try. */
#include "send/retry.h"

#define STEP 17 /* square root of seconds: 17² is 4:49 minutes */

static int64_t root(int64_t v)
{
  int64_t r = 0;
  for (int64_t bit = INT64_C(1) << 30; bit; bit >>= 1)
    if ((r + bit) * (r + bit) <= v) r += bit;
  return r;
}

/* v, moved by up to an eighth of it either way. */
static int64_t jitter(int64_t v, uint32_t random)
{
  return v - v / 8 + (int64_t)(random % (uint64_t)(v / 4 + 1));
}

int64_t retry_next(int64_t arrival, int64_t now, uint32_t random)
{
  int64_t age = now > arrival ? now - arrival : 0; /* clocks are set back */
  int64_t r = root(age) + STEP;
  int64_t wait = jitter(r * r - age, random);
  return now + (wait < RETRY_LEAST ? RETRY_LEAST : wait > RETRY_MOST ? RETRY_MOST : wait);
}

int64_t retry_rest(unsigned failures, uint32_t random)
{
  int64_t rest = RETRY_REST_LEAST;
  while (--failures && rest < RETRY_REST_MOST) rest *= 2;
  if (rest > RETRY_REST_MOST) rest = RETRY_REST_MOST;
  return jitter(rest, random);
}
