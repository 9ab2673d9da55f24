/* Becoming another user for good. */
#include <errno.h>
#include <grp.h>
#include <unistd.h>
#include <skalibs/types.h>
#include "base/identity.h"

int identity_scan(struct identity *who, char const *arg)
{
  uint32_t uid, gid;
  size_t n = uint32_scan(arg, &uid);
  if (!n || arg[n] != ':' || !uint320_scan(arg + n + 1, &gid) || uid > INT32_MAX || gid > INT32_MAX) return 0;
  *who = (struct identity){ .set = 1, .uid = (uid_t)uid, .gid = (gid_t)gid };
  return 1;
}

int identity_take(struct identity const *who)
{
  if (!who->set) return 0;
  if (setgroups(0, 0) < 0 || setgid(who->gid) < 0 || setuid(who->uid) < 0) return -1;
  if (who->uid && setuid(0) >= 0) return errno = EPERM, -1;
  return 0;
}
