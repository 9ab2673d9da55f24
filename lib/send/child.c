/* The fork that spawner and syncer have in common. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "send/child.h"

int child_fork(int type, pid_t *pid)
{
  int fd[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) < 0) return -1;
  *pid = fork();
  if (!*pid) {
    close(fd[0]);
    return fd[1];
  }
  int e = errno;
  close(fd[1]);
  if (*pid > 0 && !fcntl(fd[0], F_SETFL, O_NONBLOCK)) return fd[0];
  if (*pid > 0) e = errno;
  close(fd[0]);
  errno = e;
  return -1;
}
