/* SCRAM's messages over descriptor 3, one end of a socketpair (checker/frame.h). */
#ifndef AUTH_TALK_H
#define AUTH_TALK_H

#include <stdint.h>
#include "auth/auth.h"

#define AUTH_ENDED (-3) /* the other end closed, was late, or talks nonsense */

/* The whole exchange. Returns AUTH_YES with the user, AUTH_NO, AUTH_FAILED (no random bytes), AUTH_CORRUPT
 * (auth/asked.h) or AUTH_ENDED. deadline: base/io.h. u->keys must be wiped in any case. */
int talk_scram(struct auth *a, struct table_set const *t, int fd, int64_t deadline, struct user *u);

#endif
