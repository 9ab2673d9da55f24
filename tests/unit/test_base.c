/* Timed I/O, whole files, the table of limits. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit.h"
#include "base/io.h"
#include "base/limits.h"

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
    cmocka_unit_test(limits),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
