/* Descriptors through a Unix socket. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "ucspi/pass.h"

#define HELLO 'T'
#define FDS 3
#define MOST_FDS 65536 /* where the kernel can't close them all at once */

union control {
  struct cmsghdr align;
  char room[CMSG_SPACE(FDS * sizeof(int))];
};

int ucspi_connect(char const *path)
{
  struct sockaddr_un sa = { .sun_family = AF_UNIX };
  size_t len = strlen(path);
  if (len >= sizeof sa.sun_path) return errno = ENAMETOOLONG, -1;
  memcpy(sa.sun_path, path, len);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && fcntl(fd, F_SETFL, 0) == 0) return fd;
  int e = errno;
  close(fd);
  errno = e;
  return -1;
}

int ucspi_pass(int fd, struct ucspi_fds const *fds, char const *more)
{
  char hello = HELLO;
  union control c;
  int list[FDS] = { fds->in, fds->out, fds->plain };
  struct iovec v[2] = { { &hello, 1 }, { (char *)more, strlen(more) } };
  struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_control = c.room, .msg_controllen = sizeof c.room };
  memset(&c, 0, sizeof c);
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  h->cmsg_level = SOL_SOCKET;
  h->cmsg_type = SCM_RIGHTS;
  h->cmsg_len = CMSG_LEN(sizeof list);
  memcpy(CMSG_DATA(h), list, sizeof list);
  ssize_t sent;
  do sent = sendmsg(fd, &m, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
  if (sent < 0) return -1;
  return (size_t)sent == 1 + v[1].iov_len ? 0 : (errno = EPROTO, -1); /* so few bytes go at once or not at all */
}

/* Collects what came into list. Returns how many came: those that list has no room for are closed. */
static int collect(struct msghdr *m, int list[FDS])
{
  int n = 0;
  for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    size_t got = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < got; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
      if (n < FDS) list[n] = fd;
      else close(fd);
      n++;
    }
  }
  return n;
}

int ucspi_take(int fd, struct ucspi_fds *fds)
{
  char hello = 0;
  union control c;
  int list[FDS];
  struct iovec v = { &hello, 1 };
  struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof c.room };
  ssize_t r;
  do r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC); while (r < 0 && errno == EINTR);
  if (r < 0) return -1;
  int n = collect(&m, list);
  if (r > 0 && n == FDS && hello == HELLO && !(m.msg_flags & MSG_CTRUNC)) {
    *fds = (struct ucspi_fds){ .in = list[0], .out = list[1], .plain = list[2] };
    return 1;
  }
  for (int i = 0; i < n && i < FDS; i++) close(list[i]);
  return r ? (errno = EPROTO, -1) : 0;
}

void ucspi_close_from(int first)
{
#ifdef SYS_close_range
  if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0) return;
#endif
  long most = sysconf(_SC_OPEN_MAX);
  if (most < 0 || most > MOST_FDS) most = MOST_FDS;
  for (int fd = first; fd < most; fd++) close(fd);
}
