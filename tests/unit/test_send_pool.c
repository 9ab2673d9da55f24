/* lib/send: the pool and its relay-remotes, over a socket pair in the spawner's place; and those that hang. */
#include "send/message.h"
#include "send_pool.h"

static void one_after_the_other(void **state)
{
  char a[STORE_ID + 1], b[STORE_ID + 1];
  queue("mx:a.example", a);
  pool_run(&s);
  int fd = asked("mx:a.example");
  assert_int_equal(s.busy, 1);
  takes(fd, a);
  SAYS(fd, "\010\0\0r\0Kfine\0");
  events();
  assert_int_equal(s.busy, 0);
  assert_false(queued(a));
  queue("mx:a.example", b); /* the same one takes it */
  pool_run(&s);
  assert_int_equal(asked("mx:a.example"), -1);
  takes(fd, b);
  SAYS(fd, "\011\0\0slater\0K\0");
  events();
  assert_true(queued(b));
  assert_int_equal(s.active, 0);
  close(fd);
}

/* Idle ones that leave without having read a job: a fresh one gets it, and it costs no try, however many they are. */
static void left_before_it_read(void **state)
{
  char id[STORE_ID + 1];
  struct destination *d = destination_get(&s, "mx:a.example");
  int fd[DELIVERY_TRIES + 2];
  unsigned n = sizeof fd / sizeof *fd;
  d->proven = 1;
  for (unsigned i = 0; i < n; i++) {
    queue("mx:a.example", id);
    pool_run(&s);
    assert_true((fd[i] = asked("mx:a.example")) >= 0);
    takes(fd[i], id);
  }
  for (unsigned i = 0; i < n; i++) SAYS(fd[i], "\010\0\0r\0Kfine\0");
  events();
  assert_int_equal(s.remotes, n);
  queue("mx:a.example", id);
  for (unsigned i = 0; i < n - 1; i++) close(fd[i]); /* gone before */
  pool_run(&s);
  close(fd[n - 1]); /* this one, the last to be idle or one of them, when it has its job */
  events();
  int fresh = asked("mx:a.example");
  assert_true(fresh >= 0);
  takes(fresh, id);
  SAYS(fresh, "\010\0\0r\0Kfine\0");
  events();
  assert_false(queued(id));
  assert_int_equal(d->failures, 0);
  assert_int_equal(s.remotes, 1);
  close(fresh);
}

/* One that ends after it has read the job may have delivered it: deferred, and not tried at once. */
static void died(void **state)
{
  char a[STORE_ID + 1];
  queue("mx:a.example", a);
  pool_run(&s);
  int fd = asked("mx:a.example");
  takes(fd, a);
  close(fd);
  events();
  assert_true(queued(a));
  assert_int_equal(s.active, 0);
  assert_int_equal(asked("mx:a.example"), -1);
}

/* Few at once for one that has not shown that it works; none at all once we are stopping. */
static void few(void **state)
{
  char id[STORE_ID + 1];
  int fd[8], n = 0;
  for (unsigned i = 0; i < 10; i++) queue("mx:a.example", id);
  pool_run(&s);
  while (n < 8 && (fd[n] = asked("mx:a.example")) >= 0) n++;
  assert_int_equal(n, 5);
  s.stopping = 1;
  for (int i = 0; i < n; i++) {
    SAYS(fd[i], "\010\0\0r\0Kfine\0");
    events();
  }
  assert_int_equal(s.busy, 0);
  assert_int_equal(s.remotes, 0);
  assert_int_equal(destination_get(&s, "mx:a.example")->queued, 5);
  assert_int_equal(asked("mx:a.example"), -1);
  for (int i = 0; i < n; i++) close(fd[i]);
  for (struct delivery *v; (v = destination_pop(destination_get(&s, "mx:a.example")));)
    message_outcome(&s, v, OUTCOME_DEFERRED, "", "");
}

/* The spawner has gone: noted, not fatal. */
static void no_spawner(void **state)
{
  char a[STORE_ID + 1];
  shutdown(spawner, SHUT_RDWR);
  queue("mx:a.example", a);
  pool_run(&s);
  assert_int_equal(s.lost, 1);
  assert_true(queued(a));
  unixmessage_sender *r = &s.requests;
  int fd = unixmessage_sender_fd(r);
  unixmessage_sender_free(r); /* as the loop does: the request is no more, which shows as that relay-remote's end */
  unixmessage_sender_init(r, fd);
  s.lost = 0;
  s.stopping = 1;
  events();
  assert_int_equal(s.busy, 0);
  assert_true(queued(a));
}

/* A relay-remote that hangs is given up, but not before its time. */
static void hung_remote(void **state)
{
  char a[STORE_ID + 1];
  queue("mx:a.example", a);
  pool_run(&s);
  int fd = asked("mx:a.example");
  s.now += 2 * REMOTE_TIME; /* that the clock was set is no time */
  s.up += REMOTE_TIME;
  remote_sweep(&s);
  assert_int_equal(s.busy, 1);
  s.up++;
  remote_sweep(&s);
  remote_bury(&s);
  assert_int_equal(s.busy, 0);
  assert_int_equal(s.remotes, 0);
  assert_int_equal(s.active, 0);
  assert_true(queued(a));
  close(fd);
}

/* A relay-bounce that hangs is killed, and the failures stay for later. */
static void hung_injector(void **state)
{
  char a[STORE_ID + 1], program[sizeof queue_dir + 16];
  int status;
  snprintf(program, sizeof program, "%s/injector", queue_dir);
  int fd = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  assert_int_equal(write(fd, "#!/bin/sh\nexec sleep 100\n", 25), 25);
  close(fd);
  s.reporter = program;
  queue("mx:a.example", a);
  struct destination *d = destination_get(&s, "mx:a.example");
  message_outcome(&s, destination_pop(d), OUTCOME_FAILED, "no", "");
  pid_t pid = s.bounce[0].pid;
  assert_true(pid > 0);
  s.now += 2 * BOUNCE_TIME;
  s.up += BOUNCE_TIME;
  bounce_sweep(&s);
  struct timespec pause = { .tv_nsec = 100000000 };
  nanosleep(&pause, 0);
  assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
  s.up++;
  bounce_sweep(&s);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  assert_int_equal(bounce_count(&s), 1);
  assert_int_equal(bounce_reaped(&s, pid, status), 1);
  assert_int_equal(bounce_count(&s), 0);
  assert_int_equal(s.active, 0);
  assert_int_equal(s.schedule.waiting, 1);
  assert_true(queued(a));
}

/* The message fails, and its report ends with that exit code. */
static void fails(char const *id, char const *code)
{
  uint32_t slot = schedule_find(&s.schedule, id);
  int status;
  if (schedule_first(&s.schedule) == slot) {
    schedule_take(&s.schedule, slot);
    message_start(&s, slot);
  }
  setenv("CODE", code, 1);
  message_outcome(&s, destination_pop(destination_get(&s, "mx:a.example")), OUTCOME_FAILED, "no", "");
  pid_t pid = s.bounce[0].pid;
  assert_true(pid > 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(bounce_reaped(&s, pid, status), 1);
}

/* A report that does not come about is given up some time after that first happened, however old the message is and
 * whatever the clock does. */
static void never(void **state)
{
  char a[STORE_ID + 1], b[STORE_ID + 1], program[sizeof queue_dir + 16];
  snprintf(program, sizeof program, "%s/injector", queue_dir);
  int fd = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  assert_int_equal(write(fd, "#!/bin/sh\nexit $CODE\n", 21), 21);
  close(fd);
  s.reporter = program;
  s.up = 1000;
  queue("mx:a.example", a);
  for (unsigned i = 0; i < 3; i++) {
    s.now += 100 * s.routing.queue_time;
    s.up += s.routing.queue_time / 2 - 1;
    fails(a, "111");
    assert_true(queued(a));
  }
  s.up += 2;
  fails(a, "111");
  assert_false(queued(a));
  queue("mx:a.example", b);
  fails(b, "111");
  fails(b, "0");
  assert_false(queued(b));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  struct CMUnitTest const tests[] = {
    TEST(one_after_the_other), TEST(left_before_it_read), TEST(died), TEST(few), TEST(no_spawner),
    TEST(hung_remote), TEST(hung_injector), TEST(never),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, 0, 0);
}
