/* Active messages, from the open file to its removal or its next wait; and what became of their recipients. */
#ifndef SEND_MESSAGE_H
#define SEND_MESSAGE_H

#include "send/report.h"
#include "send/send.h"

#define MESSAGE_TROUBLE 60 /* seconds until a message whose file could not be opened is looked at again */

/* Opens the message of a slot that waits for nothing, and queues its deliveries. One that is not whole is put aside. */
void message_start(struct send *s, uint32_t slot);

/* Queues the recipients of a delivery that is in no queue, but not over, as the rules have it now. Frees v. */
void message_route_again(struct send *s, struct delivery *v);

/* All of a delivery's recipients have one outcome, but not OUTCOME_DELIVERED, or (r) each its own. Frees v, and goes
 * on with its message. A text is from outside; `route` is for the log. */
void message_outcome(struct send *s, struct delivery *v, enum outcome o, char const *text, char const *route);
void message_report(struct send *s, struct delivery *v, struct report const *r, char const *route);

#endif
