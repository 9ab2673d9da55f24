/* The header of a message (RFC 5322 2.2), read while it streams by: LF text in chunks split anywhere. */
#ifndef PARSE_HEADER_H
#define PARSE_HEADER_H

#include <stddef.h>

#define HEADER_NAME 256 /* bytes before a field's colon; a line with more is no field */

enum header_start {
  HEADER_UNKNOWN = 0,  /* the first line's name is not whole: after at most HEADER_NAME + 1 bytes it is known */
  HEADER_FIELDS,       /* begins with a field: a trace field can stand right before it */
  HEADER_EMPTY,        /* begins with an empty line: the header is empty, and the line that ends it is there */
  HEADER_MISSING,      /* begins with text (or with a folded line): what is put before it needs an empty line behind */
};

struct header {
  enum header_start start;
  unsigned received;       /* Received fields so far; RFC 5321 6.3 */
  unsigned ended : 1;      /* the empty line, or a line that is no field (it belongs to the body), was seen */
  unsigned eightbit : 1;   /* the header holds bytes from 0x80 on; RFC 6532 */
  unsigned char state;     /* where in a line the scanner is */
  unsigned char match;     /* bytes of the name that agree with "received" */
  unsigned name;           /* bytes of the name so far */
  unsigned gap;            /* blanks behind it so far */
};

void header_init(struct header *h);

/* Looks at s[0..n), the next bytes. Costs nothing once the header has ended. Any byte may occur.
 * While start is HEADER_UNKNOWN the caller keeps the text back if it must write something before it. */
void header_feed(struct header *h, char const *s, size_t n);

/* The message has ended. start is no longer HEADER_UNKNOWN (an empty message is HEADER_MISSING, as is a name without
 * colon). */
void header_end(struct header *h);

#endif
