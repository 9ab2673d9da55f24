/* relay-pop-stamp: after a login by POP3 or IMAP writes the stamp of the client's address, and runs the rest of the
 * chain, whatever has become of the stamp. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/exec.h>
#include <skalibs/strerr.h>
#include "base/log.h"
#include "gate/peer.h"
#include "stamp/dir.h"
#include "stamp/login.h"
#include "stamp/store.h"

#define USAGE "relay-pop-stamp [DIR] PROG..."

/* How we found the process; PROG must find it so. */
struct found {
  struct sigaction pipe, size;
  gid_t gid;
  uid_t uid;
};

/* A reader of the log that has gone and a limit of file sizes are no reasons to die. Descriptors 0 to 2 that are closed
 * stay so for PROG, but none of ours may come in their place: what is written to 2 would go into it. */
static void prepare(struct found *f)
{
  struct sigaction const ignore = { .sa_handler = SIG_IGN };
  sigaction(SIGPIPE, &ignore, &f->pipe);
  sigaction(SIGXFSZ, &ignore, &f->size);
  f->gid = getgid();
  f->uid = getuid();
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0) open("/", O_PATH | O_CLOEXEC);
}

static void say(char const *event, char const *why, char const *what, char const *error)
{
  struct log_line l;
  if (log_is_client()) return;
  log_start(&l, event);
  log_num(&l, "pid", (uint64_t)getpid());
  log_str(&l, "why", why);
  log_str(&l, "error", error);
  log_str(&l, "client", getenv(getenv("TCPREMOTEIP") ? "TCPREMOTEIP" : "IP")); /* may be of any length, so behind */
  log_str(&l, "what", what);
  log_end(&l);
}

/* The super-server's word, then Dovecot's, then the socket: behind a TLS wrapper descriptor 0 is not the client's. */
static int find_address(struct ip *ip)
{
  struct peer p;
  if (login_address(ip, getenv("TCPREMOTEIP")) || login_address(ip, getenv("IP"))) return 1;
  if (peer_learn(&p, 0) < 0) p.remote.len = 0;
  *ip = p.remote;
  return login_is_client(ip);
}

static int put(int dir, struct stamp const *s)
{
  if (!stamp_write(dir, s)) return 1;
  say("no-stamp", "not-written", 0, strerror(errno));
  return 0;
}

/* The address' own stamp, and that of its network, for rules that count in networks. */
static void write_stamps(char const *where, struct stamp *s)
{
  char const *why;
  int dir = stamp_open(where, &why);
  if (dir < 0) {
    say("no-stamp", "no-directory", where, why);
    return;
  }
  struct ip net = stamp_network(&s->ip);
  if (put(dir, s) && s->ip.len == 16 && memcmp(&net, &s->ip, sizeof net)) {
    s->ip = net;
    s->net = 1;
    put(dir, s);
  }
  close(dir);
}

static void leave_stamp(char const *where)
{
  struct clocks now = stamp_clocks();
  struct stamp s = { .time = now.now, .boot = now.boot };
  struct login_env const env = {
    .authenticated = getenv("AUTHENTICATED"), .user = getenv("USER"), .domain = getenv("DOMAIN"),
    .authuser = getenv("AUTHUSER"), .authargv0 = getenv("AUTHARGV0")
  };
  if (!login_is_done(&env)) return; /* Courier runs its chain before the login, too */
  if (!find_address(&s.ip)) {
    say("no-stamp", "no-address", 0, 0);
    return;
  }
  if (!login_user(s.user, &env)) say("no-user", "not-a-name", 0, 0);
  write_stamps(where, &s);
}

/* Makes the process what it was. */
static void restore(struct found const *f)
{
  if ((getegid() != f->gid && setresgid(f->gid, f->gid, f->gid) < 0) ||
      (geteuid() != f->uid && setresuid(f->uid, f->uid, f->uid) < 0)) {
    say("failed", "no-identity", 0, strerror(errno)); /* the kernel always lets us; PROG must never have ours */
    _exit(111);
  }
  sigaction(SIGPIPE, &f->pipe, 0);
  sigaction(SIGXFSZ, &f->size, 0);
}

int main(int argc, char const *const *argv)
{
  struct found f;
  PROG = "relay-pop-stamp";
  if (argc < 2) strerr_dieusage(100, USAGE);
  argv++;
  prepare(&f);
  log_patience(0); /* a login waits for no log */
  char const *dir = stamp_dir(&argv);
  if (!*argv) strerr_dieusage(100, USAGE);
  leave_stamp(dir);
  restore(&f);
  exec(argv);
  say("failed", "no-program", *argv, strerror(errno));
  _exit(111);
}
