/* What next hops said about recipients, kept for a while by all relay-ask processes of the machine, in one file of
 * slots (slots/slots.h) by route and address: who guesses a million addresses only overwrites what others would have
 * asked again. A slot's data:
 *
 *   0   `y` or `n`
 *   1   15 bytes: of a `n` the reply's code and enhanced code, NULs behind them
 *   16  when it was asked: milliseconds since 1970, little-endian */
#ifndef ANSWER_CACHE_H
#define ANSWER_CACHE_H

#include <stdint.h>
#include "ask/line.h"
#include "slots/slots.h"

struct cache {
  struct slots slots;
  uint32_t yes, no;    /* seconds that an answer is believed; 0: not at all */
};

/* As slots_open and slots_close. */
char const *cache_open(struct cache *c, char const *path);
void cache_close(struct cache *c);

/* Looks up what `route` (policy/route.h's word) said about the address, at `now` (milliseconds since 1970). What comes
 * from the future counts as nothing: the clock was set back. Returns 1 and sets *a to YES or NO, or 0. */
int cache_get(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer *a);

/* Keeps a YES or NO, in place of whatever the slot held. Errors are ignored. */
void cache_put(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer const *a);

#endif
