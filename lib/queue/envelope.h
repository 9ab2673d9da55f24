/* The envelope as qmail-queue(8) reads it: F<sender>\0, T<recipient>\0 ..., \0; checked while it passes by, in
 * pieces of any size. Pure. */
#ifndef QUEUE_ENVELOPE_H
#define QUEUE_ENVELOPE_H

#include <stddef.h>

enum envelope_state {
  ENVELOPE_SENDER_TAG,     /* an F comes next */
  ENVELOPE_SENDER,         /* in the sender */
  ENVELOPE_RECIPIENT_TAG,  /* a T comes next, or the final NUL */
  ENVELOPE_RECIPIENT,      /* in a recipient */
  ENVELOPE_END,            /* complete */
  ENVELOPE_FORMAT,         /* wrong */
  ENVELOPE_LONG,           /* an address of more than LIMIT_ADDRESS bytes */
};

struct envelope {
  enum envelope_state state;
  size_t address;          /* bytes of the address so far */
};
#define ENVELOPE_ZERO { ENVELOPE_SENDER_TAG, 0 }

/* Reads on. Returns how many bytes of s belong into the queue's file: all of them, or those before the final NUL or the
 * mistake. What follows the final NUL is not looked at. Any byte may occur. */
size_t envelope_feed(struct envelope *e, char const *s, size_t len);

#endif
