/* relay-tlsd's socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "tls/serve.h"

/* A lock of the process: those that it forks, which outlive it, don't have it. */
static int lock(char const *path)
{
  char name[sizeof ((struct sockaddr_un *)0)->sun_path + 8];
  struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  snprintf(name, sizeof name, "%s.lock", path);
  int fd = open(name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (fcntl(fd, F_SETLK, &l) == 0) return 0;
  int e = errno;
  close(fd);
  return errno = e == EAGAIN || e == EACCES ? EADDRINUSE : e, -1;
}

int serve_bind(char const *path, struct identity const *who, gid_t group)
{
  struct sockaddr_un sa = { .sun_family = AF_UNIX };
  size_t len = strlen(path);
  if (len + sizeof ".new" > sizeof sa.sun_path) return errno = ENAMETOOLONG, -1;
  if (lock(path) < 0) return -1;
  memcpy(sa.sun_path, path, len);
  memcpy(sa.sun_path + len, ".new", sizeof ".new");
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  unlink(sa.sun_path);
  mode_t mask = umask(0177);
  int r = bind(fd, (struct sockaddr *)&sa, sizeof sa);
  umask(mask);
  uid_t uid = who->set ? who->uid : (uid_t)-1;
  if (group == (gid_t)-1 && who->set) group = who->gid;
  /* not there for anybody else before it is whole; and the old one stays until then */
  if (r == 0 && chown(sa.sun_path, uid, group) == 0 && chmod(sa.sun_path, 0660) == 0
      && rename(sa.sun_path, path) == 0) return fd;
  int e = errno;
  close(fd);
  if (r == 0) unlink(sa.sun_path);
  errno = e;
  return -1;
}
