/* One relay-remote: started through the spawner, handed deliveries, judged by its reports. */
#ifndef SEND_REMOTE_H
#define SEND_REMOTE_H

#include "send/send.h"

#define REMOTE_TIME 21600 /* seconds for one job; relay-remote has its own, shorter, for each step */

/* Starts one for d, idle but in no list. Null with errno. */
struct remote *remote_start(struct send *s, struct destination *d);

/* Gives it a delivery. Returns 0 when it has left, or without memory: the delivery stays the caller's. */
int remote_give(struct send *s, struct remote *r, struct delivery *v);

/* Closes its socket: it is free for another destination. It has no delivery. */
void remote_end(struct send *s, struct remote *r);

/* Its socket can be read. */
void remote_event(struct send *s, struct remote *r);

/* Sends on what waits for the spawner. */
void remote_requests(struct send *s);

/* Gives up those that take too long. */
void remote_sweep(struct send *s);

/* Frees those that have gone: when no event may name them any longer. */
void remote_bury(struct send *s);

#endif
