/* The text of a bounce, in qmail's form (QSBMF): a header, a paragraph for each failed recipient, the original's
 * header. Pure. */
#ifndef SEND_COMPOSE_H
#define SEND_COMPOSE_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>

#define COMPOSE_HEADER 32768 /* bytes of the original message that are looked at for its header */

struct compose {
  char const *me;       /* our host name */
  char const *to;       /* the original sender; any bytes */
  char const *id;       /* the bounce's */
  char const *original; /* the message's ID */
  int64_t now;          /* seconds since 1970 */
};

/* Each appends to sa and returns 1, or 0 without memory. What comes from outside is printable ASCII afterwards and can
 * neither end a line nor a paragraph; the copied header keeps its bytes but for CR and NUL. */
int compose_head(stralloc *sa, struct compose const *c);
int compose_failure(stralloc *sa, char const *recipient, char const *reason);
int compose_original(stralloc *sa, char const *s, size_t len);   /* the message's first bytes */

#endif
