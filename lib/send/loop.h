/* relay-send's event loop. */
#ifndef SEND_LOOP_H
#define SEND_LOOP_H

#include "send/send.h"

#define LOOP_STOP 30 /* seconds that running deliveries get after SIGTERM */

struct loop_options {
  char const *rules;     /* path of rules.cdb, absolute */
  char const *injector;  /* for bounces */
  int64_t scan_every;    /* seconds */
  int spawner;           /* spawner_start's descriptor */
  pid_t spawner_pid;
};

/* Schedules the queue in the working directory until SIGTERM or SIGINT. Returns the exit code; what could not be set
 * up is said on descriptor 2. */
int loop(struct loop_options const *o);

#endif
