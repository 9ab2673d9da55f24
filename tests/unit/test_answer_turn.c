/* One asker at a time: with the cache's file, and without one. */
#include <stdlib.h>
#include <unistd.h>
#include "unit.h"
#include "answer/turn.h"
#include "base/io.h"

static char dir[] = "/tmp/posthouse-turn-XXXXXX", path[64], route[40];
static struct cache first, second;

static void open_both(int with_file)
{
  first = second = (struct cache){ .fd = -1, .yes = 10, .no = 10 };
  if (!with_file) return;
  assert_null(cache_open(&first, path));
  assert_null(cache_open(&second, path));
}

static void close_both(void)
{
  cache_close(&first);
  cache_close(&second);
}

/* Takes it for the second asker, who has `patience` milliseconds. */
static int second_takes(struct turn *x, char const *r, char const *address, int patience, int *waited)
{
  return turn_take(x, &second, r, address, io_now() + patience, waited);
}

static void one_at_a_time(int with_file)
{
  struct turn a, b, c;
  int waited;
  open_both(with_file);
  assert_int_equal(turn_take(&a, &first, route, "a@b", io_now() + 1000, &waited), 1);
  assert_int_equal(waited, 0);
  assert_int_equal(second_takes(&b, route, "a@b", 100, &waited), 0);
  assert_true(waited && b.fd < 0);
  turn_end(&b); /* harmless */
  assert_int_equal(second_takes(&b, route, "b@b", 100, &waited), 1); /* others are not in the way */
  assert_int_equal(second_takes(&c, "192.0.2.1:26", "a@b", 100, &waited), 1);
  turn_end(&b);
  turn_end(&c);
  turn_end(&a);
  assert_int_equal(second_takes(&b, route, "a@b", 100, &waited), 1);
  assert_int_equal(waited, 0);
  turn_end(&b);
  close_both();
}

static void with_cache(void **state)
{
  struct cache c = { .fd = -1 };
  one_at_a_time(1);
  assert_null(cache_open(&c, path)); /* the locks are behind its end, and write nothing */
  assert_int_equal(lseek(c.fd, 0, SEEK_END), CACHE_BYTES);
  cache_close(&c);
}

static void without_cache(void **state)
{
  one_at_a_time(0);
}

/* No longer than TURN_WAIT, however much time there is; and a process that ends leaves nothing behind. */
static void waits_and_ends(void **state)
{
  for (int with_file = 0; with_file < 2; with_file++) {
    struct turn a, b;
    int waited, p[2];
    char byte;
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (!pid) {
      open_both(with_file);
      int ok = turn_take(&a, &first, route, "a@b", io_now() + 1000, &waited);
      if (write(p[1], "x", 1) != 1 || !ok) _exit(1);
      usleep((TURN_WAIT + 400) * 1000);
      _exit(0); /* without turn_end */
    }
    assert_int_equal(read(p[0], &byte, 1), 1);
    open_both(with_file);
    int64_t before = io_now();
    assert_int_equal(second_takes(&b, route, "a@b", 60000, &waited), 0);
    int64_t took = io_now() - before;
    CHECK(took >= TURN_WAIT && took < TURN_WAIT + 300, "%d", (int)took);
    assert_int_equal(second_takes(&b, route, "a@b", 60000, &waited), 1);
    assert_true(waited);
    turn_end(&b);
    close_both();
    close(p[0]);
    close(p[1]);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(with_cache), cmocka_unit_test(without_cache), cmocka_unit_test(waits_and_ends),
  };
  if (!mkdtemp(dir)) return 111;
  snprintf(path, sizeof path, "%s/asked", dir);
  snprintf(route, sizeof route, "192.0.2.1:%u", (unsigned)getpid()); /* names are the whole machine's */
  int r = cmocka_run_group_tests(tests, 0, 0);
  unlink(path);
  rmdir(dir);
  return r;
}
