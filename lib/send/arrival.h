/* How messages become known: by name through the trigger, and by the scan of the queue's directories. */
#ifndef SEND_ARRIVAL_H
#define SEND_ARRIVAL_H

#include "send/send.h"

/* Opens (and makes, when it is missing) the FIFO `trigger` in the working directory. Returns 0, or -1 with errno. */
int arrival_open(struct send *s);

/* Reads all that stands in the FIFO. */
void arrival_read(struct send *s);

/* Begins a scan now; goes on with it, one subdirectory at a time. */
void arrival_scan(struct send *s);
void arrival_scan_step(struct send *s);

#endif
