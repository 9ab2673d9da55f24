/* lib/send: the pool and its relay-remotes, over a socket pair in the spawner's place; and those that hang. */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include "queue/job.h"
#include "queue_dir.h"
#include "send/bounce.h"
#include "send/destination.h"
#include "send/outcome.h"
#include "send/pool.h"
#include "unit.h"

static struct send s;
static int spawner;
static unixmessage_receiver requests;
static char main_buffer[UNIXMESSAGE_BUFSIZE], aux_buffer[UNIXMESSAGE_AUXBUFSIZE];

static int setup(void **state)
{
  int fd[2];
  memset(&s, 0, sizeof s);
  s.schedule = (struct schedule)SCHEDULE_ZERO;
  s.now = time(0);
  s.active_most = 1000;
  s.remote_most = 20;
  s.routing.destination = s.routing.concurrency = 20;
  s.routing.queue_time = 432000;
  if (queue_dir_make() < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0) return -1;
  unixmessage_sender_init(&s.requests, fd[0]);
  spawner = fd[1];
  if (!unixmessage_receiver_init(&requests, spawner, main_buffer, sizeof main_buffer, aux_buffer, sizeof aux_buffer))
    return -1;
  struct epoll_event e = { .events = EPOLLRDHUP, .data.ptr = &s.watch[WATCH_SPAWNER] };
  s.epoll = epoll_create1(EPOLL_CLOEXEC);
  return s.epoll < 0 ? -1 : epoll_ctl(s.epoll, EPOLL_CTL_ADD, fd[0], &e);
}

static int teardown(void **state)
{
  int fd = unixmessage_sender_fd(&s.requests);
  pool_end_idle(&s);
  while (destination_next(&s, 0) || destination_next(&s, 1)) ;
  remote_bury(&s);
  destination_sweep(&s, 1);
  s.now += 1000000;
  destination_sweep(&s, 0);
  unixmessage_sender_free(&s.requests);
  unixmessage_receiver_free(&requests);
  stralloc_free(&s.job);
  schedule_free(&s.schedule);
  free(s.bucket);
  close(fd);
  close(spawner);
  close(s.epoll);
  return queue_dir_remove();
}

static void queue(char const *word, char id[STORE_ID + 1])
{
  struct message *m = calloc(1, sizeof *m);
  struct destination *d = destination_get(&s, word);
  size_t pos = 0, at;
  int done;
  store_id(id);
  struct store_writer *w = store_create(id);
  assert_true(m && d && w);
  assert_int_equal(store_body(w, "x\n", 2), 0);
  assert_int_equal(store_envelope(w, "Fs@x\0Ta@a.example\0", 18), 0);
  assert_int_equal(store_commit(w, 0), 0);
  store_release(w);
  assert_int_equal(store_open(&m->store, id, 0), STORE_WHOLE);
  memcpy(m->id, id, STORE_ID + 1);
  m->slot = schedule_add(&s.schedule, id);
  m->ended = 1;
  s.active++;
  char const *address = store_recipient(&m->store, &pos, &done, &at);
  assert_int_equal(destination_add(&s, d, m, at, address), 1);
  destination_list(&s, d, 0);
}

/* What the spawner is asked for: the other end of a relay-remote's socket, or -1. */
static int asked(char const *word)
{
  unixmessage m;
  if (unixmessage_receive(&requests, &m) <= 0) return -1;
  assert_int_equal(m.nfds, 1);
  assert_int_equal(m.len, strlen(word));
  assert_memory_equal(m.s, word, m.len);
  return m.fds[0];
}

/* Reads one job on fd, and compares its ID. */
static void takes(int fd, char const *id)
{
  char data[4096];
  struct job j;
  char control[256];
  struct iovec v = { data, sizeof data };
  struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
  ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT);
  assert_true(n > 6);
  assert_int_equal(job_scan(&j, data + 6, (size_t)n - 6), 1);
  assert_string_equal(j.id, id);
  int file;
  struct cmsghdr *c = CMSG_FIRSTHDR(&h);
  assert_non_null(c);
  memcpy(&file, CMSG_DATA(c), sizeof file);
  assert_int_equal(fcntl(file, F_GETFL) & O_ACCMODE, O_RDONLY);
  close(file);
}

#define SAYS(fd, report) assert_int_equal(write(fd, "\0\0\0" report, 3 + sizeof report - 1), 3 + sizeof report - 1)

/* Lets all that stands in the relay-remotes' sockets happen. */
static void events(void)
{
  struct epoll_event e[64];
  int n = epoll_wait(s.epoll, e, 64, 0);
  for (int i = 0; i < n; i++) if (*(enum watch *)e[i].data.ptr == WATCH_REMOTE) remote_event(&s, e[i].data.ptr);
  remote_bury(&s);
  pool_run(&s);
}

static int queued(char const *id)
{
  char path[STORE_PATH];
  store_path(path, id);
  return access(path, F_OK) == 0;
}

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

/* All places are taken: who has none gets the next that is free, before who wants a further one; and who keeps but one
 * keeps it for a while. */
static void places(void **state)
{
  char id[STORE_ID + 1];
  int a[3], b, c;
  s.remote_most = 4;
  s.routing.destination = 3;
  destination_get(&s, "mx:a.example")->proven = 1;
  destination_get(&s, "mx:b.example")->proven = 1;
  for (unsigned i = 0; i < 20; i++) queue("mx:a.example", id);
  pool_run(&s);
  for (unsigned i = 0; i < 3; i++) assert_true((a[i] = asked("mx:a.example")) >= 0);
  for (unsigned i = 0; i < 5; i++) queue("mx:b.example", id);
  pool_run(&s);
  assert_true((b = asked("mx:b.example")) >= 0);
  assert_ptr_equal(s.wanting.first, destination_get(&s, "mx:b.example"));
  queue("mx:c.example", id);
  pool_run(&s);
  assert_ptr_equal(s.starved.first, destination_get(&s, "mx:c.example"));
  SAYS(b, "\010\0\0r\0Kfine\0"); /* its only one: it goes on */
  events();
  assert_int_equal(destination_get(&s, "mx:b.example")->queued, 3);
  SAYS(a[0], "\010\0\0r\0Kfine\0");
  events();
  assert_true((c = asked("mx:c.example")) >= 0);
  assert_int_equal(destination_get(&s, "mx:a.example")->remotes, 2);
  assert_null(s.starved.first);
  SAYS(a[1], "\010\0\0r\0Kfine\0"); /* nobody has none any more */
  events();
  assert_int_equal(destination_get(&s, "mx:a.example")->remotes, 2);
  assert_int_equal(s.busy, 4);
  queue("mx:d.example", id);
  pool_run(&s);
  s.now += POOL_TIME; /* long enough, even for an only one */
  SAYS(b, "\010\0\0r\0Kfine\0");
  events();
  assert_int_equal(destination_get(&s, "mx:b.example")->remotes, 0);
  int d = asked("mx:d.example");
  assert_true(d >= 0);
  assert_int_equal(s.busy, 4);
  s.stopping = 1;
  for (unsigned i = 0; i < 3; i++) close(a[i]);
  close(b);
  close(c);
  close(d);
  events();
  for (char const *word = "mx:a.example"; word; word = *(word + 3) == 'a' ? "mx:b.example" : 0)
    for (struct delivery *v; (v = destination_pop(destination_get(&s, word)));)
      message_outcome(&s, v, OUTCOME_DEFERRED, "", "");
}

/* One that has read other rules gets no further message, even if its next hop is still the right one. */
static void old_rules(void **state)
{
  char id[STORE_ID + 1];
  queue("mx:a.example", id);
  pool_run(&s);
  int old = asked("mx:a.example");
  s.routing.edition++;
  queue("mx:a.example", id);
  SAYS(old, "\010\0\0r\0Kfine\0");
  events();
  int fresh = asked("mx:a.example");
  assert_true(fresh >= 0);
  takes(fresh, id);
  SAYS(fresh, "\010\0\0r\0Kfine\0");
  events();
  assert_int_equal(s.remotes, 1);
  close(old);
  close(fresh);
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
  s.now += REMOTE_TIME;
  remote_sweep(&s);
  assert_int_equal(s.busy, 1);
  s.now++;
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
  s.now += BOUNCE_TIME;
  bounce_sweep(&s);
  struct timespec pause = { .tv_nsec = 100000000 };
  nanosleep(&pause, 0);
  assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
  s.now++;
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

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  struct CMUnitTest const tests[] = {
    TEST(one_after_the_other), TEST(left_before_it_read), TEST(died), TEST(few), TEST(places),
    TEST(old_rules), TEST(no_spawner),
    TEST(hung_remote), TEST(hung_injector),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, 0, 0);
}
