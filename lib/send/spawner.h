/* The spawner: a small process that starts relay-remotes for the scheduler, as their own user. */
#ifndef SEND_SPAWNER_H
#define SEND_SPAWNER_H

#include <sys/types.h>
#include "base/identity.h"

struct spawner {
  char const *program;     /* relay-remote; looked up in PATH when it has no slash */
  char const *rules;       /* for its -r */
  int refused;             /* slots_memory's descriptor for refused logins, which they inherit; -1: none */
  struct identity who;
};

/* Forks the spawner, which must come before any descriptor that it is not to have. Returns our end of its socket,
 * non-blocking: each unixmessage to it is a route's word and one descriptor, which becomes descriptor 0 of a
 * `relay-remote -e -r RULES -s WORD`. When it can't be started, its descriptor is closed without having been read. The
 * spawner ends when our end is closed. -1 with errno. */
int spawner_start(struct spawner const *p, pid_t *pid);

#endif
