/* Who a message says it is from: the field From of its header (RFC 5322 3.6.2, RFC 6854), kept while the header streams
 * by and read at its end. Strict: it is for a judgement whether somebody may use these addresses, and what different
 * readers could take for different addresses is none. */
#ifndef PARSE_FROM_H
#define PARSE_FROM_H

#include <stddef.h>
#include "parse/address.h"

#define FROM_MAX 4096 /* bytes of the field's body; a longer one is not read */

struct from {
  unsigned fields;         /* how many there were */
  unsigned ended : 1;      /* the header is over */
  unsigned improper : 1;   /* by a line that is no field, instead of an empty one */
  unsigned big : 1;        /* a body was too long */
  unsigned char state;     /* where in a line the scanner is */
  unsigned char match;     /* bytes of the name that agree with "from" */
  unsigned name;           /* bytes of the name so far */
  size_t len;              /* bytes in s */
  char s[FROM_MAX];        /* the first field's body, unfolded */
};

void from_init(struct from *f);

/* Looks at s[0..n), the message's next bytes, LF line ends; any byte may occur. Costs nothing once the header is
 * over. */
void from_feed(struct from *f, char const *s, size_t n);

/* Calls `each` with every address of the field, until it returns 0. Returns 1 when each did not, and there was exactly
 * one field, with an address at least, all of which could be read, in a header that ends properly. Else 0: `each` may
 * have been called before. */
int from_each(struct from const *f, int (*each)(void *arg, struct address const *a), void *arg);

#endif
