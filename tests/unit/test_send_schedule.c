/* lib/send: the schedule against a plain list, at size; the retry times. */
#include <stdlib.h>
#include "send/retry.h"
#include "send/schedule.h"
#include "unit.h"

#define MANY 100000

static uint32_t seed = 1;

static uint32_t random_number(void)
{
  seed = seed * 1664525 + 1013904223;
  return seed >> 4;
}

static void make_id(char id[STORE_ID + 1], uint32_t n)
{
  sprintf(id, "%014x%06x%02x", n * 2654435761U, n & 0xffffff, n % 64);
}

static void many(void **state)
{
  struct schedule s = SCHEDULE_ZERO;
  char id[STORE_ID + 1], back[STORE_ID + 1];
  s.seed = 4711;
  make_id(id, 0);
  assert_int_equal(schedule_find(&s, id), SCHEDULE_NONE);
  assert_int_equal(schedule_first(&s), SCHEDULE_NONE);
  for (uint32_t i = 0; i < MANY; i++) {
    make_id(id, i);
    assert_int_equal(schedule_find(&s, id), SCHEDULE_NONE);
    uint32_t n = schedule_add(&s, id);
    assert_int_not_equal(n, SCHEDULE_NONE);
    schedule_wait(&s, n, random_number() % 1000000);
    schedule_id(&s, n, back);
    assert_string_equal(back, id);
  }
  assert_int_equal(s.known, MANY);
  for (uint32_t i = 0; i < MANY; i += 3) { /* another time for a third */
    make_id(id, i);
    schedule_wait(&s, schedule_find(&s, id), random_number() % 1000000);
  }
  for (uint32_t i = 1; i < MANY; i += 3) { /* and a third goes */
    make_id(id, i);
    schedule_drop(&s, schedule_find(&s, id));
    assert_int_equal(schedule_find(&s, id), SCHEDULE_NONE);
  }
  for (uint32_t i = 0; i < MANY; i++) {
    make_id(id, i);
    assert_int_equal(schedule_find(&s, id) == SCHEDULE_NONE, i % 3 == 1);
  }
  int64_t when = 0;
  uint32_t left = s.known;
  for (uint32_t n; (n = schedule_first(&s)) != SCHEDULE_NONE; left--) {
    assert_true(s.slot[n].when >= when);
    when = s.slot[n].when;
    schedule_take(&s, n);
    schedule_take(&s, n); /* harmless */
  }
  assert_int_equal(left, 0);
  assert_int_equal(s.known, MANY - MANY / 3);
  schedule_free(&s);
}

/* Against a plain array: any mixture of operations leaves the same first and the same set. */
static void mixture(void **state)
{
  enum { N = 200 };
  struct schedule s = SCHEDULE_ZERO;
  int64_t when[N];
  int known[N] = { 0 };
  char id[STORE_ID + 1];
  for (unsigned round = 0; round < 100000; round++) {
    uint32_t i = random_number() % N;
    make_id(id, i);
    uint32_t n = schedule_find(&s, id);
    assert_int_equal(n != SCHEDULE_NONE, known[i] != 0);
    switch (random_number() % 4) {
      case 0:
        if (known[i]) break;
        n = schedule_add(&s, id);
        known[i] = 1;
        break;
      case 1:
        if (!known[i]) break;
        when[i] = random_number() % 100;
        schedule_wait(&s, n, when[i]);
        known[i] = 2;
        break;
      case 2:
        if (!known[i]) break;
        schedule_take(&s, n);
        known[i] = 1;
        break;
      default:
        if (!known[i]) break;
        schedule_drop(&s, n);
        known[i] = 0;
    }
    int64_t least = -1;
    uint32_t all = 0, waiting = 0;
    for (uint32_t k = 0; k < N; k++) {
      all += known[k] > 0;
      waiting += known[k] == 2;
      if (known[k] == 2 && (least < 0 || when[k] < least)) least = when[k];
    }
    assert_int_equal(s.known, all);
    assert_int_equal(s.waiting, waiting);
    n = schedule_first(&s);
    assert_int_equal(n == SCHEDULE_NONE ? -1 : s.slot[n].when, least);
  }
  schedule_free(&s);
}

static void hurry(void **state)
{
  struct schedule s = SCHEDULE_ZERO;
  char id[STORE_ID + 1];
  for (uint32_t i = 0; i < 1000; i++) {
    make_id(id, i);
    schedule_wait(&s, schedule_add(&s, id), random_number() % 1000);
  }
  schedule_hurry(&s, 500);
  int64_t when = 0;
  for (uint32_t n; (n = schedule_first(&s)) != SCHEDULE_NONE; schedule_take(&s, n)) {
    assert_in_range(s.slot[n].when, when, 500);
    when = s.slot[n].when;
  }
  schedule_free(&s);
}

static void small(void **state)
{
  /* A slot, its place in the heap, two in the table. */
  assert_in_range(sizeof(struct waiting) + 3 * sizeof(uint32_t), 1, 48);
}

static void retries(void **state)
{
  int64_t const arrival = 1000000000;
  int64_t before = 0;
  for (int64_t age = 0; age < 700000; age += 97) {
    int64_t least = retry_next(arrival, arrival + age, 0) - arrival - age, most = least, middle = 0;
    for (unsigned i = 0; i < 64; i++) {
      int64_t wait = retry_next(arrival, arrival + age, random_number() << 4) - arrival - age;
      CHECK(wait >= RETRY_LEAST && wait <= RETRY_MOST, "age %lld: %lld", (long long)age, (long long)wait);
      if (wait < least) least = wait;
      if (wait > most) most = wait;
      middle += wait;
    }
    middle /= 64;
    CHECK(most > least, "age %lld: no jitter", (long long)age);
    CHECK(5 * middle >= 4 * before, "age %lld: not growing", (long long)age);
    before = middle;
  }
  assert_in_range(before, 4 * 3600, RETRY_MOST);
  /* The clock was set back. */
  assert_in_range(retry_next(arrival, arrival - 50000, 7) - (arrival - 50000), RETRY_LEAST, 600);
  assert_in_range(retry_next(0, INT64_C(1) << 40, 7) - (INT64_C(1) << 40), RETRY_LEAST, RETRY_MOST);
}

/* In five days a message is tried some forty times: not once, not thousands. */
static void tries(void **state)
{
  int64_t now = 0;
  unsigned n = 0;
  for (; now < 432000; n++) now = retry_next(0, now, random_number() << 4);
  assert_in_range(n, 25, 60);
}

static void rests(void **state)
{
  for (unsigned n = 1; n < 2000; n = n < 40 ? n + 1 : 2 * n)
    for (unsigned i = 0; i < 32; i++) {
      int64_t rest = retry_rest(n, random_number() << 4);
      assert_in_range(rest, RETRY_REST_LEAST / 8 * 7, RETRY_REST_MOST / 8 * 9 + 1);
    }
  assert_true(retry_rest(3, 0) > retry_rest(1, UINT32_MAX));
  assert_true(retry_rest(20, 0) >= RETRY_REST_MOST / 8 * 7);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(many), cmocka_unit_test(mixture), cmocka_unit_test(hurry), cmocka_unit_test(small),
    cmocka_unit_test(retries), cmocka_unit_test(tries), cmocka_unit_test(rests),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
