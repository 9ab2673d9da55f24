/* Making the file of relay-ask's cache, and the directory of MTA-STS's. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/make.h"

/* A plain file that is in one place: with a second name it could be anybody's. */
static int is_ours_to_take(int fd)
{
  struct stat st;
  if (fstat(fd, &st)) return 0;
  if (S_ISREG(st.st_mode) && st.st_nlink == 1) return 1;
  return errno = EEXIST, 0;
}

int conf_make_cache(char const *path, uid_t uid, gid_t gid)
{
  if (conf_make_above(path)) return -1;
  int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  int r = is_ours_to_take(fd) && (uid == (uid_t)-1 || !fchown(fd, uid, gid)) && !fchmod(fd, 0600) ? 0 : -1;
  int e = errno;
  close(fd);
  errno = e;
  return r;
}

int conf_make_policies(char const *path, uid_t uid, gid_t gid)
{
  if (conf_make_above(path) || (mkdir(path, 0755) && errno != EEXIST)) return -1;
  int fd = conf_open_ours(path);
  if (fd < 0) return -1;
  int r = (uid == (uid_t)-1 || !fchown(fd, uid, gid)) && !fchmod(fd, 0755) ? 0 : -1;
  int e = errno;
  close(fd);
  errno = e;
  return r;
}
