/* The qmail-queue protocol, the caller's side. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "base/spawn.h"
#include "queue/inject.h"
#include "queue/sheet.h"

#define SLICE 100 /* milliseconds between two looks at a program of which no SIGCHLD was seen */
#define GROUP_SLICE 10 /* the same for the rest of its group, whose end sends us no signal */
#define ERROR_FD 6
#define SHEET_FD 7
#define SHEET_WORD SHEET_VARIABLE "=7"

void inject_signals(void)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN }, normal = { .sa_handler = SIG_DFL };
  sigaction(SIGPIPE, &ignore, 0);
  sigaction(SIGCHLD, &normal, 0);
}

static void close_fd(int *fd)
{
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* Our end must not block, so that deadlines hold; the program's end stays as programs expect it. */
static int make_pipe(int *ours, int *theirs, int we_write)
{
  int p[2];
  if (pipe2(p, O_CLOEXEC) < 0) return -1;
  *ours = p[we_write];
  *theirs = p[!we_write];
  return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/* Starts the program with its four descriptors. Returns 0, or an errno value. */
static int spawn(pid_t *pid, char const *program, char **envp, int const fds[4])
{
  char const *const argv[] = { program, 0 };
  struct spawn s = { .argv = argv, .envp = envp, .group = 1, .fds_n = 4,
    .fds = { { fds[0], 0 }, { fds[1], 1 }, { fds[2], ERROR_FD }, { fds[3], SHEET_FD } } };
  return spawn_start(pid, &s);
}

int inject_start(struct inject *q, char const *program, char const *id, int utf8)
{
  char id_var[64] = "RELAYID=", utf8_var[] = "RELAYUTF8=1", sheet_var[] = SHEET_WORD;
  int theirs[4] = { -1, -1, -1, -1 }, e = 0;
  *q = (struct inject){ .body = -1, .envelope = -1, .error = -1, .sheet = -1 };
  if (!program) program = getenv("QMAILQUEUE");
  if (!program || !*program) program = BIN_DIR "/relay-queue";
  strncat(id_var, id, sizeof id_var - strlen(id_var) - 1);
  char *const own[] = { id_var, sheet_var, utf8 ? utf8_var : 0 };
  char **envp = spawn_environment((char const *const[]){ "RELAYID", "RELAYUTF8", SHEET_VARIABLE }, 3, own, 3);
  if (!envp || make_pipe(&q->body, &theirs[0], 1) < 0 || make_pipe(&q->envelope, &theirs[1], 1) < 0
      || make_pipe(&q->error, &theirs[2], 0) < 0
      || (q->sheet = theirs[3] = memfd_create("sheet", MFD_CLOEXEC)) < 0) e = errno;
  else e = spawn(&q->pid, program, envp, theirs);
  for (int i = 0; i < 3; i++) close_fd(&theirs[i]);
  free(envp);
  if (!e) return 0;
  q->pid = 0;
  close_fd(&q->body);
  close_fd(&q->envelope);
  close_fd(&q->error);
  close_fd(&q->sheet);
  errno = e;
  return -1;
}

/* Writes to one of our ends; the poll of io_write is only paid for when the pipe is full. */
static void feed(struct inject *q, int fd, char const *s, size_t len, int64_t deadline)
{
  while (len && !q->broken) {
    ssize_t w = write(fd, s, len);
    if (w < 0 && errno == EINTR) continue;
    if (w < 0 && errno == EAGAIN) {
      if (io_write(fd, s, len, deadline) < 0) q->broken = 1;
      return;
    }
    if (w < 0) q->broken = 1;
    else s += w, len -= (size_t)w;
  }
}

void inject_body(struct inject *q, char const *s, size_t len, int64_t deadline)
{
  if (q->pid && q->body >= 0) feed(q, q->body, s, len, deadline);
}

void inject_sheet(struct inject *q, char const *s, size_t len)
{
  if (q->pid && q->sheet >= 0 && io_write_file(q->sheet, s, len) < 0) q->broken = 1;
}

/* F<sender>\0 T<recipient>\0 ... \0, in pieces of a pipe's atomic size. */
static void feed_envelope(struct inject *q, char const *sender, char const *recipients, size_t n, int64_t deadline)
{
  char buf[4096];
  size_t len = 0;
  char const *address = sender, *end = recipients + n;
  for (char mark = 'F'; address; mark = 'T') {
    size_t size = strlen(address) + 1;
    if (len + size + 2 > sizeof buf) {
      feed(q, q->envelope, buf, len, deadline);
      len = 0;
    }
    buf[len++] = mark;
    if (size + 2 > sizeof buf) { /* no address of SMTP is as long, but other callers' may be */
      feed(q, q->envelope, buf, len, deadline);
      feed(q, q->envelope, address, size, deadline);
      len = 0;
    } else {
      memcpy(buf + len, address, size);
      len += size;
    }
    address = mark == 'F' ? recipients : address + size;
    if (address >= end) address = 0;
  }
  buf[len++] = 0;
  feed(q, q->envelope, buf, len, deadline);
}

/* Takes what the program has said so far; the first INJECT_TEXT bytes count. *len: of text. */
static void listen_to(struct inject *q, char *text, size_t *len)
{
  char piece[INJECT_TEXT];
  for (;;) {
    ssize_t r = read(q->error, piece, sizeof piece);
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) return;
    size_t room = INJECT_TEXT - *len, n = (size_t)r < room ? (size_t)r : room;
    memcpy(text + *len, piece, n);
    *len += n;
  }
}

/* Ends what is left of the program's process group, whose leader has been reaped: it had SIGTERM already, and gets
 * SIGKILL at `deadline`. The number can't be another group's meanwhile: somebody is seen in it all the time (be it a
 * zombie that nobody reaps). */
static void end_group(pid_t group, int64_t deadline)
{
  struct timespec const slice = { 0, GROUP_SLICE * 1000000 };
  while (!kill(-group, 0)) {
    if (io_now() >= deadline) {
      kill(-group, SIGKILL);
      return;
    }
    nanosleep(&slice, 0);
  }
}

/* Has the program ended? It is left as it is, so that its number stays its own. 1 with *ok (exit code 0), 0, or -1:
 * somebody else reaped it. */
static int has_ended(pid_t pid, int *ok)
{
  siginfo_t info = { .si_pid = 0 };
  while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
    if (errno != EINTR) return -1;
  *ok = info.si_pid && info.si_code == CLD_EXITED && !info.si_status;
  return info.si_pid != 0;
}

/* How a program ended. */
struct ending {
  int status;          /* as waitpid tells it */
  unsigned known : 1;  /* status is true; else even SIGKILL did not help (it is left to init), or somebody reaped it */
  unsigned late : 1;   /* it was still there at the deadline, and got a signal */
};

/* Waits for the program's end, listening: SIGTERM to its group at the deadline, SIGKILL INJECT_ABORT_TIME behind that.
 * Whatever was sent, its own word counts when it comes. Unless that is success, nothing of its group stays: it could
 * queue what we call lost. SIGCHLD is blocked meanwhile, so that it can't come between the look and the wait. */
static void reap(struct inject *q, int64_t deadline, char *text, size_t *len, struct ending *e)
{
  sigset_t chld, before;
  int64_t left;
  int ok = 0, ended, killed = 0;
  *e = (struct ending){ .status = 0 };
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, &before);
  while (!(ended = has_ended(q->pid, &ok)) && (left = deadline - io_now()) > -2 * INJECT_ABORT_TIME) {
    if (left <= 0 && !e->late) {
      kill(-q->pid, SIGTERM);
      e->late = 1;
    }
    if (left <= -INJECT_ABORT_TIME && !killed) {
      kill(-q->pid, SIGKILL);
      killed = 1;
    }
    struct timespec slice = { 0, (left > 0 && left < SLICE ? left : SLICE) * 1000000 };
    sigtimedwait(&chld, 0, &slice);
    listen_to(q, text, len);
  }
  if (ended > 0) {
    if (!ok) kill(-q->pid, SIGTERM); /* before it is reaped: the number is still its own */
    pid_t r;
    do r = waitpid(q->pid, &e->status, 0); while (r < 0 && errno == EINTR);
    e->known = r == q->pid;
    if (!ok) end_group(q->pid, e->late ? deadline + INJECT_ABORT_TIME : io_now() + INJECT_ABORT_TIME);
  }
  sigprocmask(SIG_SETMASK, &before, 0);
  listen_to(q, text, len);
  q->pid = 0;
}

static void finish_fds(struct inject *q)
{
  close_fd(&q->body);
  close_fd(&q->envelope);
  close_fd(&q->sheet);
}

/* Makes a reply's line of what the program said: its letter goes to *kind, the rest, printable, to r->text. */
static void words(struct inject_result *r, char const *text, size_t len)
{
  static char const hex[] = "0123456789abcdef";
  size_t n = 0;
  if (!len || (text[0] != 'D' && text[0] != 'Z')) return;
  r->kind = text[0];
  for (size_t i = 1; i < len && text[i] && n + 5 <= sizeof r->text; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x80) {
      r->text[n++] = '\\';
      r->text[n++] = 'x';
      r->text[n++] = hex[c >> 4];
      r->text[n++] = hex[c & 15];
    } else r->text[n++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
  }
  while (n && r->text[n - 1] == ' ') n--;
  r->text[n] = 0;
}

void inject_finish(struct inject *q, char const *sender, char const *recipients, size_t n, int64_t deadline,
                   struct inject_result *r)
{
  char text[INJECT_TEXT];
  struct ending e;
  size_t len = 0;
  *r = (struct inject_result){ .code = INJECT_CRASHED, .kind = 'Z' };
  if (!q->pid) return;
  close_fd(&q->body);
  if (!q->broken) feed_envelope(q, sender, recipients, n, deadline);
  finish_fds(q);
  reap(q, deadline, text, &len, &e);
  close_fd(&q->error);
  if (e.known && WIFEXITED(e.status)) r->code = WEXITSTATUS(e.status);
  else if (e.late) r->code = INJECT_TIMEOUT;
  if (r->code == 0 && q->broken) r->code = INJECT_CRASHED; /* success without the whole message is none */
  r->kind = r->code == 0 ? 0 : r->code >= 11 && r->code <= 40 ? 'D' : 'Z';
  if (r->code == 82) words(r, text, len);
}

void inject_abort(struct inject *q)
{
  char text[INJECT_TEXT];
  struct ending e;
  size_t len = 0;
  if (!q->pid) return;
  finish_fds(q);
  reap(q, io_now() + INJECT_ABORT_TIME, text, &len, &e);
  close_fd(&q->error);
}
