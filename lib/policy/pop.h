/* `grant pop [SECONDS] [/64] [on LISTENER[,LISTENER...]] [bound]`: what its line in the rules says, and for whom it
 * holds. Its record's data: the seconds, NUL, then of these words those that stand in the line, NUL behind each:
 *
 *   /64           an IPv6 stamp counts for its whole network of 64 bits
 *   on=LISTENER   it holds on this listener ("": the plain one) and others named so; none: on all
 *   bound         only for senders that the stamp's user may use, as TABLE_SENDERS has them
 *
 * A listener's name counts the same in small letters and capitals; the table has small ones. Pure look-ups. */
#ifndef POLICY_POP_H
#define POLICY_POP_H

#include <stddef.h>
#include <stdint.h>
#include "parse/address.h"
#include "table/table.h"

#define POP_SECONDS_MOST 86400

struct pop_grant {
  uint32_t seconds;        /* how long a stamp is fresh: 1 to POP_SECONDS_MOST */
  unsigned network : 1;    /* /64 */
  unsigned bound : 1;
  char const *listeners;   /* their names, each with `on=` before and a NUL behind; into the table */
  size_t listeners_len;    /* bytes of them; 0: all listeners */
  struct record record;
};

/* Finds the line. Returns 1, 0 when there is none, -1 when the table is corrupt. */
int pop_find(struct pop_grant *g, struct table_set const *t);

/* Does it hold on this listener? null is the plain one. */
int pop_listens(struct pop_grant const *g, char const *listener);

/* The next of its listeners, *at starting at 0. Null at the end. */
char const *pop_listener(struct pop_grant const *g, size_t *at);

/* May the user of a stamp send as `sender` (null or "": the null sender), as far as the line binds him? Anybody may
 * where it doesn't. Where it does: only who stands in TABLE_SENDERS, the name's ASCII letters in either case, with what
 * stands there (policy/senders.h); nothing there: any sender, the null one too. Returns 1, 0, or -1 when the table is
 * corrupt. */
int pop_may_send(struct pop_grant const *g, struct table_set const *t, char const *user, struct address const *sender);

/* Both. */
int pop_holds(struct pop_grant const *g, struct table_set const *t, char const *listener, char const *user,
              struct address const *sender);

#endif
