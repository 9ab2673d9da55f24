/* Makes removals last. What goes over the socket are packets: to the syncer a set of directories, a bit for each; back
 * the same set when it has been synced, with those that failed. At most one is under way. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/io.h"
#include "base/log.h"
#include "send/child.h"
#include "send/syncer.h"

_Static_assert(STORE_SPLIT == 64, "a set of directories is one uint64_t");

struct answer {
  uint64_t failed;
  int error;
};

static struct answer sync_all(uint64_t dirs)
{
  struct answer a = { .failed = 0 };
  char name[STORE_PATH];
  for (unsigned i = 0; i < STORE_SPLIT; i++) {
    if (!(dirs >> i & 1)) continue;
    snprintf(name, sizeof name, "mess/%02x", i);
    if (io_sync_dir(name) == 0 || errno == ENOENT) continue;
    a.failed |= UINT64_C(1) << i;
    a.error = errno;
  }
  return a;
}

static _Noreturn void serve(int fd)
{
  static int const list[] = { SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGPIPE };
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) signal(list[i], SIG_IGN);
  prctl(PR_SET_NAME, "relay-send-sync");
  for (struct answer a = { .failed = 0 };;) {
    uint64_t dirs;
    ssize_t r;
    do r = recv(fd, &dirs, sizeof dirs, 0); while (r < 0 && errno == EINTR);
    if (r != sizeof dirs) _exit(0);
    struct pollfd p = { .fd = fd, .events = POLLIN }; /* more comes only when relay-send ends */
    poll(&p, 1, a.failed ? SYNC_AGAIN : SYNC_GATHER);
    a = sync_all(dirs);
    if (send(fd, &a, sizeof a, MSG_NOSIGNAL) != sizeof a) _exit(111); /* else relay-send would wait for it for ever */
  }
}

int syncer_start(pid_t *pid, int other)
{
  int fd = child_fork(SOCK_SEQPACKET, pid);
  if (fd >= 0 && !*pid) {
    close(other);
    serve(fd);
  }
  return fd;
}

void syncer_again(struct send *s)
{
  if (!s->unsynced || s->syncing || s->sync_fd < 0) return;
  if (send(s->sync_fd, &s->unsynced, sizeof s->unsynced, MSG_NOSIGNAL) < 0) return; /* if it has ended: an event */
  s->syncing = s->unsynced;
  s->unsynced = 0;
}

void syncer_removed(struct send *s, char const *id)
{
  unsigned high = (unsigned)id[20] - '0'; /* 0 to 3 (store_id_valid) */
  unsigned low = id[21] <= '9' ? (unsigned)id[21] - '0' : (unsigned)id[21] - 'a' + 10;
  s->unsynced |= UINT64_C(1) << (16 * high + low);
  syncer_again(s);
}

int syncer_event(struct send *s)
{
  struct answer a;
  ssize_t r = recv(s->sync_fd, &a, sizeof a, 0);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
  if (r != sizeof a) {
    close(s->sync_fd);
    s->sync_fd = -1;
    return 0;
  }
  if (a.failed && !s->sync_fails) {
    struct log_line l;
    log_start(&l, "trouble");
    log_str(&l, "what", "removals do not last");
    log_str(&l, "error", strerror(a.error));
    log_end(&l);
  }
  s->sync_fails = a.failed != 0;
  s->syncing = 0;
  s->unsynced |= a.failed;
  syncer_again(s);
  return 1;
}

void syncer_end(struct send *s)
{
  if (s->sync_fd < 0) {
    sync_all(s->unsynced | s->syncing);
    return;
  }
  if (s->unsynced) send(s->sync_fd, &s->unsynced, sizeof s->unsynced, MSG_NOSIGNAL);
  close(s->sync_fd);
  s->sync_fd = -1;
  while (waitpid(s->syncer, 0, 0) < 0 && errno == EINTR) ;
}
