/* relay-tls: offers TLS to the rest of the chain as UCSPI-TLS has it, or starts it at once; others do the work. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <skalibs/env.h>
#include <skalibs/exec.h>
#include <skalibs/posixplz.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "base/io.h"
#include "base/log.h"
#include "ucspi/pass.h"
#include "ucspi/vars.h"
#include "ucspi/wait.h"

#define USAGE "relay-tls [-i] SOCKET PROG... | relay-tls [-i] -k DIR PROG..."
#define HANDSHAKE_TIME 90000 /* milliseconds under -i; the TLS side gives up earlier and says why */

extern char **environ;

struct tls {
  int now;             /* -i */
  char const *where;   /* relay-tlsd's socket; under -k the certificates */
  int keys;            /* -k */
  int control, plain;  /* our ends */
  stralloc modifs;
};

static void say(char const *event, char const *why, char const *where)
{
  struct log_line l;
  int e = errno;
  log_start(&l, event);
  log_num(&l, "pid", (uint64_t)getpid());
  log_str(&l, "client", getenv("TCPREMOTEIP"));
  log_str(&l, "why", why);
  log_str(&l, "where", where);
  if (e) log_str(&l, "error", strerror(e));
  log_end(&l);
}

/* Whoever speaks TLS for us may be stuck and has the connection, too: its end is said and not left to the exit. */
static void die(void)
{
  shutdown(1, SHUT_WR);
  _exit(111);
}

static void die_nomem(void)
{
  errno = ENOMEM;
  say("failed", "no-memory", 0);
  die();
}

/* Hands the connection to relay-tlsd. Returns 0, or -1 with errno. */
static int hand_over(struct tls *t, struct ucspi_fds const *fds)
{
  t->control = ucspi_connect(t->where);
  return t->control < 0 ? -1 : ucspi_pass(t->control, fds, t->now ? "Y" : "");
}

/* Starts a process that waits, in relay-tlsd's place. Returns 0, or -1 with errno. */
static int wait_here(struct tls *t, struct ucspi_fds const *fds)
{
  int p[2];
  char const *program = getenv("RELAYTLSD");
  if (!program || !*program) program = BIN_DIR "/relay-tlsd";
  char const *const argv[] = { program, "-1", t->where, 0 };
  if (!wait_has_certificate(t->where)) return errno = 0, -1;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0) return -1;
  t->control = p[0];
  int r = wait_start(p[1], fds, argv);
  if (!r && t->now && write(p[0], "Y", 1) < 0) r = -1;
  int e = errno;
  close(p[1]);
  errno = e;
  return r;
}

/* Finds somebody who will speak TLS for us. Returns 1, or 0: there is nobody. */
static int find(struct tls *t)
{
  int pair[2];
  errno = 0;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return say("no-tls", "no-descriptors", 0), 0;
  struct ucspi_fds fds = { .in = 0, .out = 1, .plain = pair[1] };
  t->plain = pair[0];
  int r = t->keys ? wait_here(t, &fds) : hand_over(t, &fds);
  int e = errno;
  close(pair[1]);
  if (!r) return 1;
  errno = e;
  say("no-tls", t->keys ? "no-certificate" : "no-relay-tlsd", t->where);
  close(pair[0]);
  if (t->control >= 0) close(t->control);
  return 0;
}

static void offer(struct tls *t)
{
  char control[UINT_FMT], plain[UINT_FMT];
  control[uint_fmt(control, (unsigned)t->control)] = 0;
  plain[uint_fmt(plain, (unsigned)t->plain)] = 0;
  if (!env_addmodif(&t->modifs, "SSLCTLFD", control) || !env_addmodif(&t->modifs, "SSLREADFD", plain)
      || !env_addmodif(&t->modifs, "SSLWRITEFD", plain)) die_nomem();
}

/* Waits for the handshake; then what is behind us speaks with the client through the pair. */
static void start_now(struct tls *t)
{
  if (ucspi_vars_read(t->control, &t->modifs, io_now() + HANDSHAKE_TIME) < 0) {
    if (errno != EPIPE) say("failed", "handshake", 0); /* else the TLS side has said it */
    die();
  }
  close(t->control);
  if (dup2(t->plain, 0) < 0 || dup2(t->plain, 1) < 0) {
    say("failed", "no-descriptors", 0);
    die();
  }
  close(t->plain);
}

int main(int argc, char const *const *argv)
{
  struct tls t = { .control = -1, .modifs = STRALLOC_ZERO };
  subgetopt opt = SUBGETOPT_ZERO;
  PROG = "relay-tls";
  if (log_sanitize() < 0) _exit(111);
  for (int c; (c = subgetopt_r(argc, argv, "ik:", &opt)) != -1; ) {
    if (c == 'i') t.now = 1;
    else if (c == 'k') t.keys = 1, t.where = opt.arg;
    else strerr_dieusage(100, USAGE);
  }
  argv += opt.ind;
  if (!t.keys && *argv) t.where = *argv++;
  if (!t.where || !*argv) strerr_dieusage(100, USAGE);
  if (!ucspi_vars_clear(&t.modifs, (char const *const *)environ)) die_nomem();
  if (t.keys) signal(SIGCHLD, SIG_DFL);
  if (find(&t)) t.now ? start_now(&t) : offer(&t);
  else if (t.now) die();
  mexec_m(argv, t.modifs.s, t.modifs.len);
  say("failed", "no-program", *argv);
  die();
}
