/* lib/base/log: what a line looks like, and what becomes of it when nobody reads. */
#include <fcntl.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include "unit.h"
#include "base/io.h"
#include "base/log.h"

/* What log_end writes to descriptor 2. */
static size_t written(struct log_line *l, char *out, size_t room)
{
  int p[2], two = dup(2);
  assert_true(two >= 0);
  assert_int_equal(pipe(p), 0);
  dup2(p[1], 2);
  log_end(l);
  dup2(two, 2);
  close(two);
  close(p[1]);
  size_t n = 0;
  for (ssize_t r; (r = read(p[0], out + n, room - n)) > 0; ) n += (size_t)r;
  close(p[0]);
  return n;
}

static void log_lines(void **state)
{
  struct log_line l;
  char out[2 * LOG_LINE];
  PROG = "relay-x";
  log_start(&l, "begin");
  log_str(&l, "a", "plain");
  log_str(&l, "none", 0);
  log_str(&l, "empty", "");
  log_bytes(&l, "raw", "a b\r\n\0=\"\\\xff", 10);
  log_num(&l, "n", 0);
  log_num(&l, "max", UINT64_MAX);
  size_t n = written(&l, out, sizeof out);
  out[n] = 0;
  static char const start[] = "relay-x: event=begin a=plain empty= raw=a", end[] = " n=0 max=18446744073709551615\n";
  assert_memory_equal(out, start, sizeof start - 1);
  assert_string_equal(out + n - (sizeof end - 1), end);
  for (size_t i = 0; i + 1 < n; i++) assert_true(out[i] >= ' ' && out[i] < 0x7f);
  size_t spaces = 0, equals = 0, quotes = 0;
  for (size_t i = 0; i < n; i++) spaces += out[i] == ' ', equals += out[i] == '=', quotes += out[i] == '"';
  assert_int_equal(spaces, 6);
  assert_int_equal(equals, 6);
  assert_int_equal(quotes, 0);
  PROG = 0;
  log_start(&l, "x");
  n = written(&l, out, sizeof out);
  assert_int_equal(n, 8);
  assert_memory_equal(out, "event=x\n", 8);
}

/* A line is cut so that it stays one line of LOG_LINE bytes, one write. */
static void log_cut(void **state)
{
  static char big[2 * LOG_LINE];
  char out[3 * LOG_LINE];
  struct log_line l;
  for (int b = 0; b < 2; b++)
    for (size_t len = LOG_LINE - 20; len < LOG_LINE + 5; len++) {
      memset(big, b ? '\n' : 'a', sizeof big);
      PROG = 0;
      log_start(&l, "x");
      log_bytes(&l, "k", big, len);
      log_num(&l, "later", 1);
      size_t n = written(&l, out, sizeof out);
      size_t whole = 7 + 3 + (b ? 2 : 1) * len + 8 + 1;
      assert_int_equal(n, whole < LOG_LINE ? whole : LOG_LINE);
      assert_ptr_equal(memchr(out, '\n', n), out + n - 1);
    }
}

/* Nobody reads the log and the pipe is full: lines are dropped, and mail goes on. */
static void full(int patience)
{
  static char const filling[LOG_LINE];
  static char big[LOG_LINE];
  char out[LOG_LINE];
  struct log_line l;
  int p[2], two = dup(2);
  size_t filled = 0, rest = 0;
  assert_true(two >= 0);
  assert_int_equal(pipe(p), 0);
  int mode = fcntl(p[1], F_GETFL);
  assert_int_equal(fcntl(p[1], F_SETFL, mode | O_NONBLOCK), 0);
  for (ssize_t r; (r = write(p[1], filling, sizeof filling)) > 0; ) filled += (size_t)r;
  assert_int_equal(fcntl(p[1], F_SETFL, mode), 0); /* as log_end finds it: a write would block */
  PROG = 0;
  memset(big, 'a', sizeof big);
  dup2(p[1], 2);
  log_patience(patience);
  alarm(20);
  int64_t before = io_now();
  for (int i = 0; i < 100; i++) {
    log_start(&l, "x");
    log_bytes(&l, "k", big, sizeof big);
    log_end(&l);
  }
  int64_t took = io_now() - before;
  for (size_t n = 0; n < filled; n += sizeof out) assert_int_equal(read(p[0], out, sizeof out), sizeof out);
  log_start(&l, "again");
  log_end(&l);
  dup2(two, 2);
  alarm(0);
  close(two);
  close(p[1]);
  for (ssize_t r; (r = read(p[0], out + rest, sizeof out - rest)) > 0; ) rest += (size_t)r;
  close(p[0]);
  assert_int_equal(rest, 12);
  assert_memory_equal(out, "event=again\n", 12);
  assert_true(took >= patience && took < 50 * patience + LOG_PATIENCE); /* one line waited, 99 did not */
}

static void log_full(void **state)
{
  full(0);
  full(LOG_PATIENCE);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(log_lines), cmocka_unit_test(log_cut), cmocka_unit_test(log_full),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
