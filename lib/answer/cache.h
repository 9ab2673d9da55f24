/* What next hops said about recipients, kept for a while by all relay-ask processes of the machine, in one file of a
 * fixed size: it never grows, nobody sweeps it, and who guesses a million addresses only overwrites what others would
 * have asked again. No locks: a slot that was written in part, or by two at once, fails its check and reads as empty.
 *
 * A file of CACHE_SLOTS slots of 64 bytes; the slot is named by the SHA-256 of format, route and address:
 *
 *   0   24 bytes of that digest
 *   24  `y` or `n`
 *   25  15 bytes: of a `n` the reply's code and enhanced code, NULs behind them
 *   40  when it was asked: milliseconds since 1970, little-endian
 *   48  16 bytes of the SHA-256 of format and what stands before */
#ifndef ANSWER_CACHE_H
#define ANSWER_CACHE_H

#include <stdint.h>
#include "ask/line.h"

#define CACHE_SLOT 64
#define CACHE_SLOTS 65536
#define CACHE_BYTES ((int64_t)CACHE_SLOT * CACHE_SLOTS)

struct cache {
  int fd;              /* -1: there is none */
  uint32_t yes, no;    /* seconds that an answer is believed; 0: not at all */
};

/* Opens the file, or makes it, mode 0600, if its directory lets us. It must be a regular file of ours that nobody else
 * may write to, empty or of the right size; links are not followed. Returns null, or in words why there is no cache
 * (static, until the next call); everything else works all the same then. */
char const *cache_open(struct cache *c, char const *path);
void cache_close(struct cache *c);

/* Looks up what `route` (policy/route.h's word) said about the address, at `now` (milliseconds since 1970). What comes
 * from the future counts as nothing: the clock was set back. Returns 1 and sets *a to YES or NO, or 0. */
int cache_get(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer *a);

/* Keeps a YES or NO, in place of whatever the slot held. Errors are ignored. */
void cache_put(struct cache const *c, char const *route, char const *address, int64_t now, struct ask_answer const *a);

#endif
