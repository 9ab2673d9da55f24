/* Making a directory of POP-before-SMTP stamps. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/make.h"

#define ONE_MODE 0700
#define GROUP_MODE 02771 /* the receiving chain isn't in the group; it looks for names that it knows */

static int settle(int fd, int is_new, gid_t gid)
{
  if (gid == (gid_t)-1) return is_new ? fchmod(fd, ONE_MODE) : 0;
  return fchown(fd, geteuid(), gid) || fchmod(fd, GROUP_MODE) ? -1 : 0;
}

int conf_make_stamps(char const *dir, gid_t gid)
{
  if (conf_make_above(dir)) return -1;
  int is_new = !mkdir(dir, 0700);
  if (!is_new && errno != EEXIST) return -1;
  int fd = conf_open_ours(dir);
  if (fd < 0) return -1;
  int r = settle(fd, is_new, gid), e = errno;
  close(fd);
  errno = e;
  return r;
}
