/* relay-send's event loop. */
#ifndef SEND_LOOP_H
#define SEND_LOOP_H

#include "send/send.h"

struct loop_options {
  char const *rules;     /* path of rules.cdb, absolute */
  char const *reporter;  /* relay-bounce */
  int64_t scan_every;    /* seconds */
  int refused;           /* the memory of refused logins (slots/slots.h), -1: none */
  int spawner;           /* spawner_start's descriptor */
  pid_t spawner_pid;
  int syncer;            /* our end of the syncer's socket (syncer_start) */
  pid_t syncer_pid;
};

/* Schedules the queue in the working directory until SIGTERM or SIGINT, or until the spawner is lost; then starts
 * nothing more, and waits for what is under way, since a delivery that is cut off may be made twice. relay-remote's own
 * limits, and REMOTE_TIME, bound that. Returns the exit code; what could not be set up is said on descriptor 2. */
int loop(struct loop_options const *o);

#endif
