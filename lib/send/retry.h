/* When to try again. Pure. */
#ifndef SEND_RETRY_H
#define SEND_RETRY_H

#include <stdint.h>

#define RETRY_LEAST 180    /* seconds between two tries of a message, at least */
#define RETRY_MOST 28800   /* and at most */
#define RETRY_REST_LEAST 60     /* seconds for which a destination that can't be reached is left alone, first */
#define RETRY_REST_MOST 3600    /* and at most */

/* The next try of a message that arrived at `arrival` (seconds since 1970) and was tried `now`: quadratic in its
 * age, so that the tries come at 5, 19, 42, 75 minutes, ... and after days every six hours; moved by an eighth of
 * the step either way by `random`, so that what came together does not return together. */
int64_t retry_next(int64_t arrival, int64_t now, uint32_t random);

/* For how many seconds a destination rests after `failures` (1 or more) in a row. */
int64_t retry_rest(unsigned failures, uint32_t random);

#endif
