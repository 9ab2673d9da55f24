/* A host's addresses. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <skalibs/selfpipe.h>
#include "share/resolve.h"

struct found {
  int error;   /* getaddrinfo's */
  unsigned n;
  struct ip ip[RESOLVE_MOST];
};

static void look_up(int fd, char const *name)
{
  struct addrinfo *list, want = { .ai_socktype = SOCK_STREAM };
  struct found f = { .n = 0 };
  uint16_t port;
  f.error = getaddrinfo(name, 0, &want, &list);
  for (struct addrinfo *a = f.error ? 0 : list; a && f.n < RESOLVE_MOST; a = a->ai_next)
    if (ip_from_sockaddr(&f.ip[f.n], &port, a->ai_addr)) f.n++;
  _exit(write(fd, &f, sizeof f) == sizeof f ? 0 : 111);
}

int resolve_start(struct resolve *r, char const *name)
{
  int p[2];
  if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0) return -1;
  r->pid = fork();
  if (!r->pid) {
    selfpipe_finish();
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    close(p[0]);
    look_up(p[1], name);
  }
  int e = errno;
  close(p[1]);
  if (r->pid > 0) return r->fd = p[0], 0;
  close(p[0]);
  r->pid = 0;
  errno = e;
  return -1;
}

unsigned resolve_finish(struct resolve *r, struct ip out[RESOLVE_MOST], char const **why)
{
  struct found f;
  *why = "the look-up failed";
  if (read(r->fd, &f, sizeof f) != sizeof f) f.n = 0; /* what a pipe takes in one piece comes in one piece */
  else if (f.error) *why = gai_strerror(f.error);
  resolve_abort(r);
  for (unsigned i = 0; i < f.n; i++) out[i] = f.ip[i];
  return f.n;
}

void resolve_abort(struct resolve *r)
{
  if (!r->pid) return;
  kill(r->pid, SIGKILL);
  while (waitpid(r->pid, 0, 0) < 0 && errno == EINTR);
  close(r->fd);
  r->pid = 0;
  r->fd = -1;
}
