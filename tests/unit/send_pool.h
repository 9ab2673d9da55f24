/* A pool and its relay-remotes for a test: the test is the spawner, and speaks as the relay-remotes. */
#ifndef TESTS_SEND_POOL_H
#define TESTS_SEND_POOL_H

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
static inline void takes(int fd, char const *id)
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

static inline int queued(char const *id)
{
  char path[STORE_PATH];
  store_path(path, id);
  return access(path, F_OK) == 0;
}

#endif
