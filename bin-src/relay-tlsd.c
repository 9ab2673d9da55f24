/* relay-tlsd: the process that has the TLS keys; speaks TLS for connections that relay-tls hands over. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "base/identity.h"
#include "tls/keys.h"
#include "tls/serve.h"
#include "tls/session.h"
#include "ucspi/wait.h"

#define USAGE "relay-tlsd [-u UID:GID] [-g GID] [-c CONNECTIONS] [-h SECONDS] [-t SECONDS] SOCKET DIR | " \
  "relay-tlsd -1 [-h SECONDS] [-t SECONDS] DIR"
#define CONNECTIONS 1000
#define HANDSHAKE 60      /* seconds */
#define IDLE 1800         /* seconds; the program behind has its own, shorter limits, which can say goodbye */
#define FDS 4             /* descriptors of a connection that has not asked for TLS */
#define OWN_FDS 16

static unsigned number(char const *s, unsigned most)
{
  unsigned n;
  if (!uint0_scan(s, &n) || !n || n > most) strerr_dief(100, "not a number that can be used: ", s);
  return n;
}

/* No image of a process that has keys is to be left on a disk. */
static void no_core(void)
{
  struct rlimit none = { 0, 0 };
  setrlimit(RLIMIT_CORE, &none);
}

/* Each connection must find its descriptors: as many as the system allows, and no more connections than that. */
static unsigned fit(unsigned most)
{
  struct rlimit l;
  if (getrlimit(RLIMIT_NOFILE, &l) < 0) return most;
  rlim_t want = (rlim_t)most * FDS + OWN_FDS;
  if (l.rlim_cur < want) {
    l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
    setrlimit(RLIMIT_NOFILE, &l);
  }
  if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= want) return most;
  return l.rlim_cur > OWN_FDS + FDS ? (unsigned)((l.rlim_cur - OWN_FDS) / FDS) : 1;
}

/* The one connection of `relay-tls -k`, for which a byte has come already. */
static int once(struct keys *keys, unsigned handshake, unsigned idle)
{
  char c;
  ssize_t r;
  struct session s = { .fds = { 0, 1, WAIT_PLAIN }, .control = WAIT_CONTROL, .handshake = handshake, .idle = idle };
  do r = read(WAIT_CONTROL, &c, 1); while (r < 0 && errno == EINTR);
  if (r < 0) strerr_diefusys(111, "read from descriptor 3");
  if (!r) return 0;
  if (c != 'y' && c != 'Y') strerr_dief(100, "neither y nor Y on descriptor 3");
  s.tell = c == 'Y';
  signal(SIGPIPE, SIG_IGN);
  if (!keys_look(keys, 1)) return 111;
  int code = session_run(&s, keys->ctx, &keys->certs);
  keys_free(keys);
  return code;
}

struct options {
  int once;
  struct identity who;
  gid_t group;
  struct serve serve;
};

static void scan_options(struct options *o, int argc, char const *const *argv, subgetopt *l)
{
  for (int opt; (opt = subgetopt_r(argc, argv, "1u:g:c:h:t:", l)) != -1; ) {
    switch (opt) {
      case '1': o->once = 1; break;
      case 'u': if (!identity_scan(&o->who, l->arg)) strerr_dieusage(100, USAGE); break;
      case 'g': o->group = (gid_t)number(l->arg, INT32_MAX); break;
      case 'c': o->serve.most = number(l->arg, 100000); break;
      case 'h': o->serve.handshake = number(l->arg, 3600); break;
      case 't': o->serve.idle = number(l->arg, 86400); break;
      default: strerr_dieusage(100, USAGE);
    }
  }
  if (argc - l->ind != (o->once ? 1 : 2)) strerr_dieusage(100, USAGE);
}

int main(int argc, char const *const *argv)
{
  struct keys keys = { .dir = 0 };
  struct options o = {
    .group = (gid_t)-1, .serve = { .keys = &keys, .most = CONNECTIONS, .handshake = HANDSHAKE, .idle = IDLE }
  };
  subgetopt l = SUBGETOPT_ZERO;
  PROG = "relay-tlsd";
  scan_options(&o, argc, argv, &l);
  argv += l.ind;
  no_core();
  if (o.once) {
    keys.dir = argv[0];
    return once(&keys, o.serve.handshake, o.serve.idle);
  }
  keys.dir = argv[1];
  if (!fd_sanitize()) strerr_diefusys(111, "open standard descriptors");
  if (!o.who.set && !geteuid()) strerr_warnw("runs as root: -u would change that");
  o.serve.most = fit(o.serve.most);
  o.serve.listener = serve_bind(argv[0], &o.who, o.group);
  if (o.serve.listener < 0) strerr_diefusys(111, "make the socket ", argv[0]);
  if (identity_take(&o.who) < 0) strerr_diefusys(111, "become the keys' user");
  int code = serve(&o.serve);
  keys_free(&keys);
  return code;
}
