/* The clock, which somebody may set. */
#ifndef SEND_CLOCK_H
#define SEND_CLOCK_H

#include "send/send.h"

#define CLOCK_BACK 60 /* seconds by which it may go back unnoticed: nothing waits much longer for that */

/* Takes the time: s->now and s->up. */
void clock_look(struct send *s);

/* Was the clock set back since the last call? Then whatever waits for a time of before would wait too long. */
int clock_back(struct send *s);

/* When a message came whose file says `arrival`. That may lie ahead, from before the clock was set back: then what
 * counts is when that happened, or when we started, so that it is not kept for longer than others. */
int64_t clock_arrival(struct send *s, int64_t arrival);

#endif
