/* New rules. */
#ifndef SEND_RENEW_H
#define SEND_RENEW_H

#include "send/send.h"

/* Looks whether the rules have changed, at most once a second unless `force` (routing_fresh). If so, all that is not
 * yet under way goes by the new ones: queued deliveries get their next hops anew, parked messages are looked at again,
 * and no connection that was made by the old rules gets a further message. Returns 1 when there are rules. */
int renew(struct send *s, int force);

#endif
