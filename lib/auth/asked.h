/* What checkpassword's interface asks on descriptor 3 (cr.yp.to/checkpwd/interface.html), and the answer. */
#ifndef AUTH_ASKED_H
#define AUTH_ASKED_H

#include <stddef.h>
#include "auth/auth.h"

#define ASKED_MOST 512 /* bytes; the interface allows no more */

/* How somebody logs in: what $RELAYAUTHMECH says. */
enum mechanism {
  MECHANISM_UNSAID,    /* a program that doesn't know that variable asks */
  MECHANISM_PASSWORD,  /* PLAIN, LOGIN */
  MECHANISM_CRAM,
  MECHANISM_SCRAM,
  MECHANISM_EXTERNAL,
  MECHANISM_UNKNOWN,
};

/* name: null when the variable isn't set. */
enum mechanism mechanism_of(char const *name);

struct asked {
  char const *user, *secret, *more; /* more: a time of day, or a challenge */
};

/* Reads three strings with a NUL behind each; what follows means nothing. They point into s, which is not copied.
 * Returns 1, or 0. */
int asked_scan(struct asked *q, char const *s, size_t n);

#define AUTH_CORRUPT (-2)

/* All but SCRAM. UNSAID: a password; and if it looks like the answer to a challenge (32 digits of hexadecimal, and
 * `<...>` behind them) it may be CRAM-MD5's too. Returns AUTH_YES with the user, AUTH_NO, AUTH_FAILED, or AUTH_CORRUPT:
 * the table. u->keys must be wiped in any case. */
int auth_asked(struct auth *a, struct table_set const *t, enum mechanism m, struct asked const *q, struct user *u);

#endif
