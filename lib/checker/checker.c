/* A checkpassword program, the caller's side. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "base/spawn.h"
#include "checker/attributes.h"
#include "checker/checker.h"

#define ASK_FD 3
#define ATTRIBUTES_FD 4
#define ABOVE 10          /* our descriptors come from here, so that those of the program overwrite none of them */
#define SLICE 100         /* milliseconds between two looks at a program of which no SIGCHLD was seen */
#define KILL_TIME 1000    /* milliseconds that a killed program may take to end; then it is left to init */

static void close_fd(int *fd)
{
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static int lift(int *fd)
{
  int up = fcntl(*fd, F_DUPFD_CLOEXEC, ABOVE), e = errno;
  close(*fd);
  *fd = up;
  return up < 0 ? errno = e, -1 : 0;
}

/* Ours and theirs: a pipe in one direction, or a socketpair. Our end must not block, so that deadlines hold. */
static int connect_to(int *ours, int *theirs, int we_write, int both)
{
  int p[2];
  if ((both ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) : pipe2(p, O_CLOEXEC)) < 0) return -1;
  *ours = p[we_write];
  *theirs = p[!we_write];
  if (lift(ours) < 0 || lift(theirs) < 0) return -1;
  return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/* Starts the program. Returns 0, or an errno value. */
static int spawn(pid_t *pid, char const *const *argv, char **envp, int ask, int attributes)
{
  struct spawn s = { .argv = argv, .envp = envp, .search = 1, .group = 1, .fds_n = 4,
    .fds = { { -1, 0 }, { -1, 1 }, { ask, ASK_FD }, { attributes, ATTRIBUTES_FD } } };
  return spawn_start(pid, &s);
}

int checker_start(struct checker *c, char const *const *argv, enum checker_mechanism m)
{
  char fd[] = "RELAYAUTHFD=4", mechanism[64];
  int theirs[2] = { -1, -1 }, e = 0;
  char const *name = checker_name(m);
  *c = (struct checker){ .ask = -1, .attributes = -1, .said = c->said };
  c->said.len = 0;
  if (name) snprintf(mechanism, sizeof mechanism, "RELAYAUTHMECH=%s", name);
  char *const own[] = { fd, name ? mechanism : 0 };
  char **envp = spawn_environment((char const *const[]){ "RELAYAUTHFD", "RELAYAUTHMECH" }, 2, own, 2);
  if (!envp || connect_to(&c->ask, &theirs[0], 1, m == CHECKER_SCRAM_SHA_256) < 0
      || connect_to(&c->attributes, &theirs[1], 0, 0) < 0) e = errno;
  else e = spawn(&c->pid, argv, envp, theirs[0], theirs[1]);
  close_fd(&theirs[0]);
  close_fd(&theirs[1]);
  free(envp);
  if (!e) return 0;
  c->pid = 0;
  close_fd(&c->ask);
  close_fd(&c->attributes);
  return errno = e, -1;
}

void checker_ask(struct checker *c, char const *s, size_t n)
{
  if (c->ask >= 0 && n && n <= CHECKER_ASKED) { /* an empty pipe takes it in one piece */
    ssize_t ignored = write(c->ask, s, n);
    (void)ignored;
  }
  close_fd(&c->ask);
}

ssize_t checker_exchange(struct checker *c, char const *s, size_t n, char out[CHECKER_MESSAGE], int64_t deadline)
{
  return c->ask < 0 || frame_write(c->ask, s, n, deadline) < 0 ? -1 : frame_read(c->ask, out, deadline);
}

/* Takes what the program has said so far. */
static void hear(struct checker *c)
{
  char piece[4096];
  for (;;) {
    ssize_t r = read(c->attributes, piece, sizeof piece);
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) return;
    if (c->said.len + (size_t)r > CHECKER_ATTRIBUTES || !stralloc_catb(&c->said, piece, (size_t)r)) c->much = 1;
  }
}

/* Has it ended? It is left as it is, so that its number, and its group's, stay its own. -1: somebody else reaped it. */
static int has_ended(pid_t pid)
{
  siginfo_t info = { .si_pid = 0 };
  while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
    if (errno != EINTR) return -1;
  return info.si_pid != 0;
}

/* Waits for the end until the deadline, then kills; nothing of the group stays. SIGCHLD is blocked meanwhile, so that
 * it can't come between the look and the wait. Returns the exit code, or -1. */
static int reap(struct checker *c, int64_t deadline)
{
  sigset_t chld, before;
  int64_t left;
  int ended, status = 0, late = 0, code = -1;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, &before);
  while (!(ended = has_ended(c->pid)) && (left = deadline - io_now()) > -KILL_TIME) {
    if (left <= 0 && !late) {
      kill(-c->pid, SIGKILL);
      late = 1;
    }
    struct timespec slice = { 0, (left > 0 && left < SLICE ? left : SLICE) * 1000000 };
    sigtimedwait(&chld, 0, &slice);
    hear(c);
  }
  hear(c);
  kill(-c->pid, SIGKILL); /* before it is reaped: the number is still its own */
  if (ended > 0 && waitpid(c->pid, &status, 0) == c->pid && WIFEXITED(status) && !late) code = WEXITSTATUS(status);
  sigprocmask(SIG_SETMASK, &before, 0);
  c->pid = 0;
  return code;
}

static void forget(struct checker *c)
{
  close_fd(&c->ask);
  close_fd(&c->attributes);
  if (c->said.s) explicit_bzero(c->said.s, c->said.len);
  stralloc_free(&c->said);
}

void checker_finish(struct checker *c, int64_t deadline, struct checker_answer *a)
{
  stralloc from = a->from;
  *a = (struct checker_answer){ .code = -1, .why = "not-started", .from = from };
  a->from.len = 0;
  if (!c->pid) return;
  close_fd(&c->ask);
  a->code = reap(c, deadline);
  a->why = a->code < 0 ? io_now() >= deadline ? "late" : "killed" : a->code > 2 ? "exit-code" : 0;
  if (c->much || !attributes_scan(a, c->said.s, c->said.len)) {
    a->why = "attributes";
    a->code = -1;
  }
  forget(c);
}

void checker_abort(struct checker *c)
{
  if (!c->pid) return;
  close_fd(&c->ask);
  reap(c, io_now());
  forget(c);
}
