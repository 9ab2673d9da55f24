/* relay-ask, the asker's side: started at need, kept, killed when it misbehaves. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ask/ask.h"
#include "base/io.h"
#include "base/spawn.h"

#define KILL_TIME 1000  /* milliseconds that a killed program may take to end; then it is left to init */
#define KILL_SLICE 5    /* milliseconds between two looks */

void ask_init(struct ask *a, char const *rules)
{
  *a = (struct ask){ .rules = rules, .fd = -1 };
}

/* Starts the program with `fd` as its descriptors 0 and 1. Returns 0, or an errno value. */
static int spawn(struct ask *a, int fd, char **envp)
{
  char const *program = getenv("RELAYASK");
  if (!program || !*program) program = BIN_DIR "/relay-ask";
  char const *const argv[] = { program, a->rules ? "-r" : 0, a->rules, 0 };
  struct spawn s = { .argv = argv, .envp = envp, .fds_n = 2, .fds = { { fd, 0 }, { fd, 1 } } };
  return spawn_start(&a->pid, &s);
}

/* Returns 0, or -1 with errno. */
static int start(struct ask *a)
{
  int p[2], e;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0) return -1;
  char **envp = spawn_environment(0, 0, 0, 0);
  if (!envp || fcntl(p[0], F_SETFL, O_NONBLOCK) < 0) e = errno;
  else e = spawn(a, p[1], envp);
  free(envp);
  close(p[1]);
  if (!e) return a->fd = p[0], 0;
  close(p[0]);
  a->pid = 0;
  return errno = e, -1;
}

/* Ends the program, whatever it is at, and reaps it. It is our child until we reap it, so the number is its own. */
static void end(struct ask *a)
{
  struct timespec const slice = { 0, KILL_SLICE * 1000000 };
  int64_t deadline = io_now() + KILL_TIME;
  close(a->fd);
  a->fd = -1;
  kill(a->pid, SIGKILL);
  for (;;) {
    pid_t r = waitpid(a->pid, 0, WNOHANG);
    if (r == a->pid || (r < 0 && errno != EINTR) || io_now() >= deadline) break;
    nanosleep(&slice, 0);
  }
  a->pid = 0;
}

static void unknown(struct ask_answer *out, char const *why, char const *more)
{
  out->state = ANSWER_UNKNOWN;
  out->n = 0;
  snprintf(out->text, sizeof out->text, "%s%s%s", why, more ? ": " : "", more ? more : "");
}

static void failed(struct ask *a, struct ask_answer *out, char const *why)
{
  a->failures++;
  if (a->pid) end(a);
  unknown(out, why, 0);
}

/* Nobody says anything between an answer and the next question: that would be read as its answer. */
static int quiet(struct ask const *a)
{
  struct pollfd p = { .fd = a->fd, .events = POLLIN };
  return poll(&p, 1, 0) == 0;
}

/* Reads one line, and nothing behind it. Returns its bytes without LF, or -1 with what went wrong. */
static ssize_t read_line(struct ask const *a, char *buf, int64_t deadline, char const **why)
{
  size_t n = 0;
  while (n < ASK_ANSWER) {
    ssize_t r = io_read(a->fd, buf + n, ASK_ANSWER - n, deadline);
    if (r < 0 && errno == ETIMEDOUT) return *why = "relay-ask did not answer in time", -1;
    if (r <= 0) return *why = "relay-ask ended without an answer", -1;
    char *lf = memchr(buf + n, '\n', (size_t)r);
    n += (size_t)r;
    if (!lf) continue;
    if (lf + 1 == buf + n) return lf - buf;
    break;
  }
  return *why = "relay-ask said what is no answer", -1;
}

void ask_question(struct ask *a, enum ask_kind kind, char const *subject, int64_t deadline, struct ask_answer *out)
{
  char question[ASK_QUESTION], answer[ASK_ANSWER];
  char const *why = 0;
  size_t n = ask_query_fmt(question, kind, subject);
  if (!n) return unknown(out, "that can't be asked", 0);
  if (a->pid && !quiet(a)) failed(a, out, "");
  if (!a->pid && a->failures >= ASK_FAILURES) return unknown(out, "relay-ask failed too often", 0);
  if (!a->pid && start(a) < 0) {
    a->failures++;
    return unknown(out, "relay-ask can't be started", strerror(errno));
  }
  if (io_write(a->fd, question, n, deadline) < 0) return failed(a, out, "relay-ask takes no question");
  ssize_t len = read_line(a, answer, deadline, &why);
  if (len < 0) return failed(a, out, why);
  if (!ask_answer_scan(out, kind, answer, (size_t)len)) failed(a, out, "relay-ask said what is no answer");
}

void ask_close(struct ask *a)
{
  if (!a->pid) return;
  close(a->fd);
  a->fd = -1;
  waitpid(a->pid, 0, WNOHANG);
  a->pid = 0;
}
