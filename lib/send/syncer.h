/* The syncer: a small process that makes removals last, so that the scheduler waits for no disk. A removal is a fact of
 * its directory, so one fsync is enough for all files that went from it meanwhile: what it costs is bounded by the
 * directories, not by the messages. */
#ifndef SEND_SYNCER_H
#define SEND_SYNCER_H

#include <sys/types.h>
#include "send/send.h"

#define SYNC_GATHER 100  /* milliseconds in which removals are collected */
#define SYNC_AGAIN 1000  /* until what failed is tried again */

/* Forks the syncer, in the queue directory and with its user's rights. `other` is a descriptor that it must not keep.
 * Returns our end of its socket, non-blocking, or -1 with errno. The syncer ends, its work done, when our end is
 * closed. */
int syncer_start(pid_t *pid, int other);

/* A file was removed from (or moved out of) the message's directory. */
void syncer_removed(struct send *s, char const *id);

/* From time to time: hands over what could not be at once, since the kernel lacked memory. */
void syncer_again(struct send *s);

/* Its socket can be read. Returns 0 when it has ended; then syncer_end is all that may be called. */
int syncer_event(struct send *s);

/* At our end: what was removed lasts when this returns, if the disk allows. */
void syncer_end(struct send *s);

#endif
