/* relay-through's parts: the envelope as qmail-queue gets it, the one next hop of all its recipients, and what the
 * report of relay-remote means for a client that waits. Pure, but for look-ups in the rules. */
#ifndef THROUGH_THROUGH_H
#define THROUGH_THROUGH_H

#include <stddef.h>
#include <skalibs/stralloc.h>
#include "parse/domain.h"
#include "table/table.h"

/* qmail-queue(8)'s exit codes that are used here. */
enum through_code {
  THROUGH_OK = 0, THROUGH_TOO_LONG = 11, THROUGH_REFUSED = 31, THROUGH_MEMORY = 51, THROUGH_WRITE = 53,
  THROUGH_READ = 54, THROUGH_CONFIG = 55, THROUGH_HOP = 71, THROUGH_OWN = 82 /* text on descriptor 6 */,
  THROUGH_ENVELOPE = 91
};

#define THROUGH_TEXT 400 /* bytes of a verdict's text with its NUL */

struct through_verdict {
  char kind;               /* 0: accepted, 'D': refused for good, 'Z': for now */
  char text[THROUGH_TEXT]; /* why, printable ASCII; may begin with an enhanced code (RFC 3463) of kind's class */
};

/* The envelope F<sender>\0 T<recipient>\0 ... \0 in pieces. */
struct through_envelope {
  stralloc bytes;          /* sender and recipients without their letters, NUL-terminated, one behind the other */
  unsigned n;              /* recipients */
  unsigned in : 1;         /* within an address */
  unsigned sender : 1;     /* the sender was read */
  size_t address;          /* bytes of the address so far */
};
enum through_read { THROUGH_MORE, THROUGH_WHOLE, THROUGH_BAD, THROUGH_LONG, THROUGH_NO_MEMORY };
/* Reads on; nothing is to be read after anything but MORE. WHOLE only with at least one recipient. */
enum through_read through_envelope(struct through_envelope *e, char const *s, size_t len);
char const *through_recipients(struct through_envelope const *e);

/* Finds the next hop of all recipients: they must have one and the same. Writes a domain that leads to it by the
 * rules. Returns 1; 0 with the verdict. t may be null: the rules can't be read. */
int through_hop(struct table_set const *t, char const *recipients, unsigned n, char domain[DOMAIN_TEXT],
                struct through_verdict *v);

/* What qmail-remote's report comes to. The message was taken only if it says so for every one of the recipients; what
 * makes no sense, and a program that said too little, is temporary. Any byte may occur in s. */
void through_report(struct through_verdict *v, char const *s, size_t len, char const *recipients, unsigned n);

#endif
