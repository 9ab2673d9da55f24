/* The directory of stamps: readers, writers and removers at the same time; the sweep. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include "stamp_dir.h"
#include "stamp/sweep.h"

/* Children write while we work; *child is 0 in them. */
static pid_t start(void)
{
  pid_t p = fork();
  assert_true(p >= 0);
  return p;
}

static void end(int children)
{
  int status;
  while (children--) assert_true(wait(&status) > 0 && !status);
}

/* Whoever writes older ones at the same time: the youngest stays, nothing else does, and a reader always finds one. */
static void race_newer(void **state)
{
  enum { CHILDREN = 4, TIMES = 400 };
  struct stamp s = stamp("192.0.2.1", 100000), out;
  int64_t last = s.time;
  assert_int_equal(stamp_write(fd, &s), 0);
  for (int child = 0; child < CHILDREN; child++) {
    if (start()) continue;
    int64_t first = s.time;
    for (int i = 1; i <= TIMES; i++) { /* partly in order, partly not, sometimes the same second */
      s.time = first + (i % 3 ? i : TIMES - i) * CHILDREN + (i % 5 ? child : 0);
      if (i == TIMES / 2 + child) s.time = first + 50000 + child;
      if (stamp_write_newer(fd, &s) < 0) _exit(1);
    }
    _exit(0);
  }
  for (int i = 0; i < 5000; i++) {
    CHECK(find(&out) == STAMP_FOUND, "%d: errno %d", i, errno);
    if (out.time > last) last = out.time;
  }
  end(CHILDREN);
  assert_int_equal(find(&out), STAMP_FOUND);
  assert_true(out.time == s.time + 50000 + CHILDREN - 1 && last <= out.time);
  assert_int_equal(count(), 1);
  empty();
}

/* A login just when the old stamp is swept: it stays. */
static void race_removing(void **state)
{
  struct stamp old = stamp("192.0.2.1", 1000), new = stamp("192.0.2.1", 0), out;
  struct clocks c = stamp_clocks();
  int go[2], removed = 0;
  char byte;
  assert_int_equal(pipe(go), 0);
  if (!start()) {
    close(go[1]);
    for (int i = 0; read(go[0], &byte, 1) == 1; i++) {
      struct timespec t = { .tv_nsec = i % 40 * 1000 };
      nanosleep(&t, 0);
      if ((byte ? stamp_write_newer(fd, &new) < 0 : stamp_write(fd, &new) < 0)) _exit(1);
      kill(getpid(), SIGSTOP);
    }
    _exit(0);
  }
  close(go[0]);
  for (int i = 0; i < 1500; i++) {
    int status;
    assert_int_equal(stamp_write(fd, &old), 0);
    byte = i & 1;
    assert_int_equal(write(go[1], &byte, 1), 1);
    for (int j = 0; j < 6; j++) {
      int r = stamp_remove_old(fd, "192.0.2.1", 300, &c);
      assert_true(r >= 0);
      removed += r;
    }
    pid_t p = waitpid(-1, &status, WUNTRACED);
    assert_true(p > 0 && WIFSTOPPED(status));
    CHECK(find(&out) == STAMP_FOUND && out.time == new.time, "round %d", i);
    kill(p, SIGCONT);
  }
  close(go[1]);
  end(1);
  assert_true(removed > 0);
  assert_int_equal(count(), 1);
  empty();
}

static char said[4096];

static void told(void *arg, char const *name, char const *what)
{
  size_t n = strlen(said);
  snprintf(said + n, sizeof said - n, "%s:%s;", name, what);
}

static struct clocks later(void)
{
  struct clocks c = stamp_clocks();
  c.now += SWEEP_ASIDE + 1;
  return c;
}

/* A walk that takes a quarter of an hour for each file, while all log in again and again. */
static struct clocks slow(void)
{
  static int64_t passed;
  struct clocks c = stamp_clocks();
  passed += 1000;
  for (int i = 0; i < 20; i++) {
    struct stamp s = stamp("192.0.2.1", -passed);
    s.ip.b[3] = (uint8_t)i;
    assert_int_equal(stamp_write(fd, &s), 0);
  }
  return (struct clocks){ .now = c.now + passed, .boot = c.boot + passed };
}

static void sweep_slowly(void **state)
{
  struct sweep s = { .clocks = &slow, .seconds = 900, .strange = &told };
  slow();
  assert_int_equal(stamp_sweep(&s, fd), 0);
  assert_int_equal(s.removed, 0);
  assert_int_equal(count(), 20);
  empty();
}

static void sweep_counts(void **state)
{
  struct { char const *name, *what; } const strange[] = {
    { "joe", "no address" }, { "192.0.2.01", "no address" }, { "::ffff:192.0.2.1", "no address" },
    { "2001:DB8::1", "no address" }, { ".hidden", "no address" }, { ".posthouse.x", "no address" },
    { ".posthouse.1.2", "no address" }, { ".1.2", "no address" }, { ".1.2:3x", "no address" },
    { "a b\n\xff", "no address" }
  };
  struct sweep s = { .clocks = &stamp_clocks, .seconds = 300, .strange = &told };
  char name[32];
  for (int i = 0; i < 500; i++) {
    struct stamp one = stamp("192.0.2.1", i % 2 ? 10 : 400);
    one.ip.b[2] = (uint8_t)(i >> 8);
    one.ip.b[3] = (uint8_t)i;
    assert_int_equal(stamp_write(fd, &one), 0);
  }
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) make(strange[i].name, "USER=x", 7);
  make(".posthouse.1.2.3", "", 0);
  make(".1000.2000:30", "", 0);
  assert_int_equal(mkdirat(fd, "192.0.3.1", 0700), 0);
  assert_int_equal(symlinkat("192.0.2.1", fd, "192.0.3.2"), 0);
  assert_int_equal(stamp_sweep(&s, fd), 0);
  assert_true(s.removed == 250 && s.kept == 252 && s.ignored == 12 && !s.failed);
  assert_int_equal(count(), 264);
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
    snprintf(name, sizeof name, "%s:", strange[i].name);
    CHECK(strstr(said, name), "%s", said);
  }
  assert_non_null(strstr(said, "192.0.3.1:a directory;"));
  assert_non_null(strstr(said, "192.0.3.2:a link;"));
  s.removed = s.kept = s.ignored = 0;
  s.seconds = 100000;
  s.clocks = &later;
  assert_int_equal(stamp_sweep(&s, fd), 0);
  assert_true(s.removed == 2 && s.kept == 250 && s.ignored == 12 && !s.failed);
  empty();
}

static void sweep_again(void **state)
{
  struct sweep s = { .clocks = &stamp_clocks, .seconds = 1, .strange = &told };
  int none = openat(fd, ".", O_PATH);
  assert_int_equal(stamp_sweep(&s, none), 0); /* to be in the directory is enough to open it again */
  close(none);
  assert_int_equal(stamp_sweep(&s, none), -1);
  assert_int_equal(errno, EBADF);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(race_newer), cmocka_unit_test(race_removing), cmocka_unit_test(sweep_counts),
    cmocka_unit_test(sweep_slowly),
    cmocka_unit_test(sweep_again)
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
