/* Timed I/O, whole files, log lines, the table of limits. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include "unit.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"

static void nonblocking(int fd)
{
  assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void reading(void **state)
{
  int p[2];
  char buf[8];
  assert_int_equal(pipe(p), 0);
  int64_t before = io_now();
  assert_int_equal(io_read(p[0], buf, sizeof buf, before + 40), -1);
  assert_int_equal(errno, ETIMEDOUT);
  int64_t took = io_now() - before;
  assert_true(took >= 40 && took < 2000);
  assert_int_equal(io_read(p[0], buf, sizeof buf, before - 1), -1); /* a deadline that has passed */
  assert_int_equal(errno, ETIMEDOUT);
  assert_int_equal(write(p[1], "0123456789", 10), 10);
  assert_int_equal(io_read(p[0], buf, sizeof buf, before - 1), 8); /* what is there is read all the same */
  assert_memory_equal(buf, "01234567", 8);
  assert_int_equal(io_read(p[0], buf, sizeof buf, io_now() + 5000), 2);
  close(p[1]);
  assert_int_equal(io_read(p[0], buf, sizeof buf, io_now() + 5000), 0);
  close(p[0]);
  assert_int_equal(io_read(p[0], buf, sizeof buf, io_now() + 5000), -1);
  assert_int_equal(errno, EBADF);
}

static void *late(void *arg)
{
  usleep(30000);
  assert_int_equal(write(*(int *)arg, "x", 1), 1);
  return 0;
}

static volatile sig_atomic_t alarms;
static void on_alarm(int sig)
{
  alarms++;
}

/* Signals neither end a wait nor make it longer. */
static void interrupted(void **state)
{
  int p[2];
  char c;
  pthread_t t;
  struct sigaction sa = { .sa_handler = &on_alarm };
  sigaction(SIGALRM, &sa, 0);
  assert_int_equal(pipe(p), 0);
  ualarm(5000, 5000);
  int64_t before = io_now();
  assert_int_equal(io_read(p[0], &c, 1, before + 60), -1);
  assert_int_equal(errno, ETIMEDOUT);
  assert_true(io_now() - before < 2000 && alarms > 2);
  assert_int_equal(pthread_create(&t, 0, &late, &p[1]), 0);
  assert_int_equal(io_read(p[0], &c, 1, io_now() + 5000), 1);
  ualarm(0, 0);
  pthread_join(t, 0);
  close(p[0]);
  close(p[1]);
}

static void *drain(void *arg)
{
  char buf[3000];
  size_t got = 0;
  ssize_t r;
  while ((r = read(*(int *)arg, buf, sizeof buf)) > 0) {
    for (ssize_t i = 0; i < r; i++) assert_int_equal(buf[i], (char)(got++ * 7));
    usleep(50);
  }
  return (void *)got;
}

static void writing(void **state)
{
  int s[2];
  enum { N = 1000000 };
  char *big = malloc(N);
  pthread_t t;
  void *got;
  for (size_t i = 0; i < N; i++) big[i] = (char)(i * 7);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
  nonblocking(s[1]);
  int64_t before = io_now();
  assert_int_equal(io_write(s[1], big, N, before + 40), -1); /* nobody reads */
  assert_int_equal(errno, ETIMEDOUT);
  assert_true(io_now() - before >= 40 && io_now() - before < 2000);
  close(s[0]);
  signal(SIGPIPE, SIG_IGN);
  assert_int_equal(io_write(s[1], big, N, io_now() + 5000), -1);
  assert_int_equal(errno, EPIPE);
  close(s[1]);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
  nonblocking(s[1]);
  assert_int_equal(pthread_create(&t, 0, &drain, &s[0]), 0);
  assert_int_equal(io_write(s[1], big, N, io_now() + 20000), 0); /* all, in however many pieces */
  assert_int_equal(io_write(s[1], big, 0, io_now()), 0);
  close(s[1]);
  pthread_join(t, &got);
  assert_int_equal((size_t)got, N);
  close(s[0]);
  free(big);
}

static char dir[] = "/tmp/test_base.XXXXXX";
static char path[sizeof dir + 8];

static int make_dir(void **state)
{
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/file", dir);
  return 0;
}

static int remove_dir(void **state)
{
  unlink(path);
  return rmdir(dir);
}

static void files(void **state)
{
  char *data;
  size_t len;
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(io_slurp(path, 100, &data, &len), 0); /* empty */
  assert_int_equal(len, 0);
  assert_int_equal(data[0], 0);
  free(data);
  assert_int_equal(io_write_file(fd, "0123\0" "56789", 10), 0);
  assert_int_equal(io_sync_dir(dir), 0);
  assert_int_equal(io_slurp(path, 10, &data, &len), 0); /* the limit */
  assert_int_equal(len, 10);
  assert_memory_equal(data, "0123\0" "56789", 11);
  free(data);
  assert_int_equal(io_slurp(path, 9, &data, &len), -1); /* and one more */
  assert_int_equal(errno, EFBIG);
  assert_int_equal(io_slurp(path, SIZE_MAX, &data, &len), 0);
  assert_int_equal(len, 10);
  free(data);
  assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0); /* does not even try */
  assert_int_equal(io_slurp(path, 10, &data, &len), -1);
  assert_int_equal(errno, EFBIG);
  close(fd);
  assert_int_equal(io_slurp("/dev/zero", 100000, &data, &len), -1); /* says 0, never ends */
  assert_int_equal(errno, EFBIG);
  assert_int_equal(io_slurp("/proc/self/status", 1000000, &data, &len), 0); /* says 0, holds more */
  assert_true(len > 100 && !data[len]);
  free(data);
  assert_int_equal(io_slurp(dir, 100, &data, &len), -1);
  assert_int_equal(errno, EISDIR);
  assert_int_equal(io_slurp("/nonexistent", 100, &data, &len), -1);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(io_sync_dir("/nonexistent"), -1);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(io_sync_dir(path), -1);
  assert_int_equal(errno, ENOTDIR);
  fd = open("/dev/full", O_WRONLY);
  assert_int_equal(io_write_file(fd, "x", 1), -1);
  assert_int_equal(errno, ENOSPC);
  close(fd);
}

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
  nonblocking(p[1]);
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

static void limits(void **state)
{
  static struct { char const *name; uint64_t def, least, most; } const table[] = {
#define X(c, name, def, least, most, unit) { name, def, least, most },
    LIMITS(X)
#undef X
  };
  size_t n = sizeof table / sizeof *table;
  assert_int_equal(n, LIMIT_COUNT);
  for (size_t i = 0; i < n; i++) {
    CHECK(table[i].least <= table[i].def && table[i].def <= table[i].most && table[i].most <= UINT32_MAX, "%s",
      table[i].name);
    CHECK(strspn(table[i].name, "abcdefghijklmnopqrstuvwxyz-") == strlen(table[i].name), "%s", table[i].name);
    for (size_t k = 0; k < i; k++) CHECK(strcmp(table[i].name, table[k].name), "%s twice", table[i].name);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(reading), cmocka_unit_test(interrupted), cmocka_unit_test(writing), cmocka_unit_test(files),
    cmocka_unit_test(log_lines), cmocka_unit_test(log_cut), cmocka_unit_test(log_full), cmocka_unit_test(limits),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
