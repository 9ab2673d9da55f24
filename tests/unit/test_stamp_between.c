/* The directory of stamps, when somebody comes between two system calls of a writer, a remover or a reader: every row
 * of intruders, beginning at each of the calls. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include "stamp_dir.h"

/* Our names for what the room calls: first who wants to come between does. */
static void (*before)(void);

static void intrude(void)
{
  void (*now)(void) = before;
  before = 0; /* what it does itself is not disturbed */
  if (now) now();
  if (!before) before = now;
}

long syscall(long number, ...)
{
  va_list a;
  va_start(a, number);
  int from_dir = va_arg(a, int);
  char const *from = va_arg(a, char const *);
  int to_dir = va_arg(a, int);
  char const *to = va_arg(a, char const *);
  unsigned how = va_arg(a, unsigned);
  va_end(a);
  assert_int_equal(number, SYS_renameat2);
  intrude();
  return renameat2(from_dir, from, to_dir, to, how);
}

int renameat(int from_dir, char const *from, int to_dir, char const *to)
{
  intrude();
  return renameat2(from_dir, from, to_dir, to, 0);
}

int fstat(int f, struct stat *st)
{
  intrude();
  return fstatat(f, "", st, AT_EMPTY_PATH);
}

/* Intruders: what the next ones do, one at each call, and the youngest that they have put. */
enum act { NOTHING, OLDER, SAME, YOUNGER, MUCH_YOUNGER, LOGIN, TOUCH, REMOVE, ACTS };
#define ROW 3
#define CALLS 8
static enum act next[ROW];
static unsigned calls; /* of next, so many have had their turn */
static unsigned skip;  /* and so many calls pass before */
static int64_t now, youngest;

static void put(int64_t ago, int any)
{
  struct stamp s = stamp("192.0.2.1", 0);
  s.time = now - ago;
  assert_int_not_equal(any ? stamp_write(fd, &s) : stamp_write_newer(fd, &s), -1);
  if (s.time > youngest) youngest = s.time;
}

static void act(void)
{
  if (skip) {
    skip--;
    return;
  }
  if (calls == ROW) return;
  enum act what = next[calls++];
  struct timespec const t[2] = { { .tv_sec = now - 10 + calls }, { .tv_sec = now - 10 + calls } };
  switch (what) {
    case OLDER: put(3000, 0); break;
    case SAME: put(200, 0); break;
    case YOUNGER: put(100, 0); break;
    case MUCH_YOUNGER: put(50, 0); break;
    case LOGIN: put(10 - calls, 1); break;
    case TOUCH: /* relay-ctrl-udp */
      if (!utimensat(fd, "192.0.2.1", t, 0)) youngest = t->tv_sec;
      break;
    case REMOVE: unlinkat(fd, "192.0.2.1", 0); break;
    default: break;
  }
}

static int removed(void)
{
  for (unsigned i = 0; i < calls; i++)
    if (next[i] == REMOVE) return 1;
  return 0;
}

/* Runs `what` with every row of intruders, over what stood there `ago` seconds (-1: nothing). It puts a stamp that is
 * `own` seconds old (0: none). */
static void all(void (*what)(void), int64_t ago, int64_t own)
{
  now = stamp_clocks().now;
  for (unsigned n = 0; n < ACTS * ACTS * ACTS * CALLS; n++) {
    struct stamp s;
    unsigned rest = n / CALLS;
    for (size_t i = 0; i < ROW; i++, rest /= ACTS) next[i] = rest % ACTS;
    calls = 0;
    skip = n % CALLS;
    youngest = own ? now - own : -1;
    unlinkat(fd, "192.0.2.1", 0);
    if (ago >= 0) put(ago, 1);
    if (!own) youngest = -1; /* the old one may go */
    before = &act;
    what();
    before = 0;
    enum stamp_found found = find(&s);
    if (found == STAMP_FOUND && removed()) continue;
    if (youngest < 0) CHECK(found == STAMP_NONE || (ago >= 0 && s.time == now - ago && calls && next[0]), "row %u", n);
    else if (!removed()) CHECK(found == STAMP_FOUND && s.time == youngest, "row %u: %d, %lld ago", n, found,
                               (long long)(found == STAMP_FOUND ? now - s.time : -1));
  }
  assert_true(count() <= 1); /* nothing aside */
}

static void write_newer(void)
{
  struct stamp s = stamp("192.0.2.1", 0);
  s.time = now - 200;
  assert_int_not_equal(stamp_write_newer(fd, &s), -1);
}

static void writers(void **state)
{
  all(&write_newer, -1, 200);
  all(&write_newer, 4000, 200);
  all(&write_newer, 100, 200);
}

static void remove_old(void)
{
  struct clocks c = stamp_clocks();
  assert_int_not_equal(stamp_remove_old(fd, "192.0.2.1", 3500, &c), -1);
}

static void removers(void **state)
{
  all(&remove_old, 4000, 0);
}

static void look(void)
{
  struct stamp s;
  enum stamp_found found = find(&s);
  CHECK(found == STAMP_FOUND || (found == STAMP_NONE && removed()), "%d", found);
}

static void readers(void **state)
{
  all(&look, 4000, 4000);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(writers), cmocka_unit_test(removers), cmocka_unit_test(readers)
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
