/* Jobs from relay-send over a Unix socket (queue/job.h), one after the other. */
#ifndef REMOTE_JOBS_H
#define REMOTE_JOBS_H

#include "remote/remote.h"

#define JOBS_REPORT_TIME 300 /* seconds until relay-send must have taken a report */

/* Serves jobs on fd until its end, an error of it, or `idle` seconds without a job; then closes fd, so that no job is
 * given to one who leaves, and hangs up. When the other end is closed during a delivery, the message's end is not sent.
 * A connection that the server closes in between is dropped at once. more: reports have what stands behind the verdict.
 * `broken`, if not null, is reported (Z) to every job instead of delivering. Returns 0, or -1 with errno when
 * relay-send can't be talked to any more. */
int jobs_serve(struct remote *rm, int fd, unsigned idle, int more, char const *broken);

#endif
