/* A clock that is set back: what was signed and has expired stays so. */
#include "unit.h"
#include "share/clock.h"
#include "share/entry.h"

#define S INT64_C(1000000000)
#define START (1700000000 * S)

/* What the clocks say, and how late that is. */
static struct { int64_t now, boot, late; } const looks[] = {
  { START, 1000 * S, 0 },
  { START + 60 * S, 1060 * S, 0 },
  { START + 60 * S, 1060 * S + 5000, 0 },                /* a moment between the two */
  { START + 3660 * S, 1061 * S, 0 },                     /* set forward: that is the clock from now on */
  { START + 3661 * S, 1062 * S, 0 },
  { START + 3660 * S + S / 2, 1062 * S, 0 },             /* half a second back */
  { START + 3660 * S, 1062 * S + 1, 1 },
  { START + 62 * S, 1062 * S + 2 * S, 3601 },            /* an hour back */
  { START + 162 * S, 1162 * S + 2 * S, 3601 },           /* and it stays so, however long it runs */
  { 0, 1164 * S, 1700003763 },                           /* 1970 */
  { START + 3764 * S, 1165 * S, 0 },                     /* set right */
};

static void looked(void **state)
{
  struct share_clock k = { .known = 0 };
  for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
    int64_t late = share_clock_late(&k, looks[i].now, looks[i].boot);
    CHECK(late == looks[i].late, "look %zu: %lld", i, (long long)late);
  }
}

/* A machine that was started before 1970, by its clock. */
static void before_1970(void **state)
{
  struct share_clock k = { .known = 0 };
  assert_int_equal(share_clock_late(&k, 10 * S, 1000 * S), 0);
  assert_int_equal(share_clock_late(&k, 10 * S, 1001 * S), 1);
}

/* An entry of a login at `start`, brought again at each second of the clocks, which go back by `back` seconds after
 * 400: never is it good 300 seconds after the login or later. */
static void replayed(void **state)
{
  for (int64_t back = 1; back <= 1000; back += 37) {
    struct share_clock k = { .known = 0 };
    int64_t good = 0;
    for (int64_t t = 0; t < 1500; t++) {
      struct clocks c = { .now = 1700000000 + t - (t < 400 ? 0 : back), .boot = 5000 + t };
      struct stamp s = { .time = 1700000000, .boot = -1 };
      int64_t late = share_clock_late(&k, c.now * S, c.boot * S);
      enum entry_result r = entry_judge(&s, &c, late, 300);
      CHECK((r == ENTRY_GOOD) == (t < 300), "%lld back, second %lld: %s", (long long)back, (long long)t, entry_word(r));
      good += r == ENTRY_GOOD;
      if (r == ENTRY_GOOD) assert_int_equal(stamp_age(&s, c.now, c.boot), t);
    }
    assert_int_equal(good, 300);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(looked), cmocka_unit_test(before_1970), cmocka_unit_test(replayed),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
