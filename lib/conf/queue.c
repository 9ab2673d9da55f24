/* Making a queue, or what it lacks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "conf/make.h"

#define SPLIT 64 /* as queue/store.h has it; a test compares */

/* Gives what is open its mode and owner, and closes it. */
static int settle(int fd, mode_t mode, uid_t uid, gid_t gid)
{
  int r = uid != (uid_t)-1 && fchown(fd, uid, gid) ? -1 : fchmod(fd, mode);
  int e = errno;
  close(fd);
  errno = e;
  return r;
}

/* Makes a directory unless it is there. No link is followed: the queue's user could point it anywhere. */
static int directory(char const *path, mode_t mode, uid_t uid, gid_t gid)
{
  if (!path || (mkdir(path, 0700) && errno != EEXIST)) return -1;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? -1 : settle(fd, mode, uid, gid);
}

/* The trigger: everybody may wake the scheduler, it alone reads. */
static int trigger(char const *path, uid_t uid, gid_t gid)
{
  struct stat st;
  if (!path || (mkfifo(path, 0600) && errno != EEXIST)) return -1;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  if (!fstat(fd, &st) && S_ISFIFO(st.st_mode)) return settle(fd, 0600, uid, gid);
  close(fd);
  return errno = EEXIST, -1;
}

int conf_make_queue(char const *dir, uid_t uid, gid_t gid)
{
  if (conf_make_above(dir)) return -1;
  if (directory(conf_path(dir, "", ""), 0711, uid, gid)) return -1;
  if (directory(conf_path(dir, "/", "mess"), 0700, uid, gid)) return -1;
  for (unsigned i = 0; i < SPLIT; i++) {
    char name[16];
    snprintf(name, sizeof name, "mess/%02x", i);
    if (directory(conf_path(dir, "/", name), 0700, uid, gid)) return -1;
  }
  if (trigger(conf_path(dir, "/", "trigger"), uid, gid)) return -1;
  if (!conf_path(dir, "/", "mess") || io_sync_dir(conf_at.s)) return -1;
  return conf_path(dir, "", "") && !io_sync_dir(conf_at.s) ? 0 : -1;
}
