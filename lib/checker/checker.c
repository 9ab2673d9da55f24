/* A checkpassword program, the caller's side. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "checker/attributes.h"
#include "checker/checker.h"

#define ASK_FD 3
#define ATTRIBUTES_FD 4
#define ABOVE 10          /* our descriptors come from here, so that those of the program overwrite none of them */
#define SLICE 100         /* milliseconds between two looks at a program of which no SIGCHLD was seen */
#define KILL_TIME 1000    /* milliseconds that a killed program may take to end; then it is left to init */

extern char **environ;

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

static int is_variable(char const *s, char const *name)
{
  size_t n = strlen(name);
  return !strncmp(s, name, n) && s[n] == '=';
}

/* The program's environment: ours, with its own RELAYAUTHFD and RELAYAUTHMECH. Its vector alone is allocated. */
static char **environment(char *fd, char *mechanism)
{
  size_t n = 0;
  while (environ && environ[n]) n++;
  char **e = malloc((n + 3) * sizeof *e), **out = e;
  if (!e) return 0;
  for (size_t i = 0; i < n; i++)
    if (!is_variable(environ[i], "RELAYAUTHFD") && !is_variable(environ[i], "RELAYAUTHMECH")
        && !is_variable(environ[i], "RELAYRULESFD")) *out++ = environ[i];
  *out++ = fd;
  if (mechanism) *out++ = mechanism;
  *out = 0;
  return e;
}

/* Starts the program, in a process group of its own. Returns 0, or an errno value. */
static int spawn(pid_t *pid, char const *const *argv, char **envp, int ask, int attributes)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t normal;
  int e = posix_spawn_file_actions_init(&actions);
  if (e) return e;
  if ((e = posix_spawnattr_init(&attr))) goto actions;
  sigemptyset(&normal);
  sigaddset(&normal, SIGPIPE);
  if ((e = posix_spawnattr_setsigdefault(&attr, &normal))
      || (e = posix_spawnattr_setpgroup(&attr, 0))
      || (e = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
      || (e = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0))
      || (e = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0))
      || (e = posix_spawn_file_actions_adddup2(&actions, ask, ASK_FD))
      || (e = posix_spawn_file_actions_adddup2(&actions, attributes, ATTRIBUTES_FD))) goto attr;
  e = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)argv, envp);
attr:
  posix_spawnattr_destroy(&attr);
actions:
  posix_spawn_file_actions_destroy(&actions);
  return e;
}

int checker_start(struct checker *c, char const *const *argv, enum checker_mechanism m)
{
  char fd[] = "RELAYAUTHFD=4", mechanism[64];
  int theirs[2] = { -1, -1 }, e = 0;
  char const *name = checker_name(m);
  *c = (struct checker){ .ask = -1, .attributes = -1, .said = c->said };
  c->said.len = 0;
  if (name) snprintf(mechanism, sizeof mechanism, "RELAYAUTHMECH=%s", name);
  char **envp = environment(fd, name ? mechanism : 0);
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
