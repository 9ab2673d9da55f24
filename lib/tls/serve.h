/* The process that has the keys: takes connections from relay-tls, waits for `y`, forks. */
#ifndef TLS_SERVE_H
#define TLS_SERVE_H

#include <sys/types.h>
#include "base/identity.h"
#include "tls/keys.h"

struct serve {
  struct keys *keys;
  int listener;         /* bound, not yet listening: before there is a certificate nobody can connect */
  unsigned most;        /* connections at once, those that have not asked for TLS included */
  unsigned handshake;   /* seconds, as in session.h */
  unsigned idle;
};

/* Binds a Unix socket at `path` that its owner and its group may connect to, in the place of one that nobody serves
 * any more. `who`: its owner (where set), `group`: its group ((gid_t)-1: who's). A lock on PATH.lock, which lasts as
 * long as the process, keeps a second one away. Returns a non-blocking descriptor, or -1 with errno (EADDRINUSE:
 * somebody serves it; ENAMETOOLONG). */
int serve_bind(char const *path, struct identity const *who, gid_t group);

/* Serves until SIGTERM; connections under TLS live on. SIGHUP: look at the certificates now. Returns the exit code. */
int serve(struct serve *s);

#endif
