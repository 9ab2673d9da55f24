/* Logins that relays refused for good, in a file of slots (slots/slots.h) that processes share: a wrong password that
 * is sent with each of thirty messages locks its user out, or gets our address banned. A login is known by its relay,
 * its line and the file of logins that the line is from, so those of a new file are tried at once. No password is kept.
 *
 * A login of which nothing is known is tried by one process; the others wait for what comes of it, not long. A slot's
 * data: t (it is being tried), n (refused) or y (it worked), and the time of that, as long as it counts. */
#ifndef REMOTE_REFUSALS_H
#define REMOTE_REFUSALS_H

#include "policy/logins.h"
#include "slots/slots.h"

#define REFUSALS_FORMAT "posthouse logins tried 1"
#define REFUSALS_TIME 900  /* seconds for which a login that was refused, or worked, is known */
#define REFUSALS_TRY 30    /* seconds for which others wait for a try */

struct refusals {
  struct slots slots;
  int64_t file[3];   /* which logins.cdb: its inode, its time of modification in seconds and nanoseconds */
};

/* fd: such a file, the caller's; -1: nothing is known of any login. path: logins.cdb, or null. */
void refusals_start(struct refusals *f, int fd, char const *path);

/* Was it refused a while ago? Returns the seconds until it may be tried again, 0: now. */
unsigned refusals_left(struct refusals const *f, struct route const *r, struct login const *l);

/* It is about to be tried: the same, after waiting for others who try it, until `deadline` (io_now's clock) at most.
 * After 0 refusals_note says what came of it. */
unsigned refusals_begin(struct refusals const *f, struct route const *r, struct login const *l, int64_t deadline);

enum refusals_fate { REFUSALS_WORKED, REFUSALS_REFUSED, REFUSALS_OPEN /* nobody knows */ };
void refusals_note(struct refusals const *f, struct route const *r, struct login const *l, enum refusals_fate fate);

#endif
