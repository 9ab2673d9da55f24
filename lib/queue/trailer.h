/* The last line of a message file (queue/store.h), and what it promises. For the files of this room. */
#ifndef QUEUE_TRAILER_H
#define QUEUE_TRAILER_H

#include <skalibs/blake2s.h>
#include "queue/store.h"

#define TRAILER_MAGIC "posthouse-message-" /* none of the envelope's letters in front: store.h says why */
#define TRAILER_VERSION 2                  /* the digit behind it; 1 has no P */
#define TRAILER_DIGEST 32                    /* bytes of the digest */

struct trailer {
  unsigned version;
  uint64_t body;
  uint64_t envelope;
  uint64_t arrival;
  uint64_t flags;
  char digest[TRAILER_DIGEST];
};

/* Writes the line. `state` has read body and envelope; it is finished with the line's own beginning, so that the
 * numbers are covered, too. t->digest is ignored. */
void trailer_fmt(char out[STORE_TRAILER], struct trailer const *t, blake2s_ctx *state);

/* Reads a line of STORE_TRAILER bytes. Returns 1, or 0 when it is none. Any byte may occur. */
int trailer_scan(struct trailer *t, char const s[STORE_TRAILER]);

/* Is this an envelope of that version: F<sender>\0 and any number of [TWSD]<recipient>\0, each (but in 1)
 * with a P<parameters>\0 behind it or not, and nothing else? Any byte may occur. */
int trailer_envelope(char const *s, size_t len, unsigned version);

#endif
