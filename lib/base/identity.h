/* Becoming another user for good. */
#ifndef BASE_IDENTITY_H
#define BASE_IDENTITY_H

#include <sys/types.h>

struct identity {
  unsigned set : 1;
  uid_t uid;
  gid_t gid;
};

/* Reads all of arg as `UID:GID`, two decimal numbers. Returns 1, or 0 (*who is then untouched). */
int identity_scan(struct identity *who, char const *arg);

/* Becomes that user for good, without supplementary groups. Returns 0, or -1 with errno. Without `set`: nothing to
 * do. */
int identity_take(struct identity const *who);

#endif
