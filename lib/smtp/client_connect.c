/* The client's side of an SMTP connection: connecting. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/io.h"
#include "smtp/client_session.h"

#define FULL_WAIT 20 /* milliseconds until a socket that was full is tried again */

static socklen_t fill(struct sockaddr_storage *sa, struct ip const *ip, uint16_t port)
{
  memset(sa, 0, sizeof *sa);
  if (ip->len == 4) {
    struct sockaddr_in *in = (struct sockaddr_in *)sa;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, ip->b, 4);
    return sizeof *in;
  }
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(port);
  memcpy(&in6->sin6_addr, ip->b, 16);
  return sizeof *in6;
}

/* Waits for a connection under way. Returns 0, or -1 with errno. */
static int finish(int fd, int64_t deadline)
{
  for (;;) {
    int64_t left = deadline - io_now();
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    if (left <= 0) return errno = ETIMEDOUT, -1;
    int r = poll(&p, 1, (int)left);
    if (r < 0 && errno != EINTR) return -1;
    if (r <= 0) continue;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) return -1;
    return error ? (errno = error, -1) : 0;
  }
}

static void set_name(struct client *c, char const *host, struct ip const *ip)
{
  char text[IP_TEXT];
  size_t h = strlen(host), n = ip_fmt(text, ip);
  if (h >= DOMAIN_TEXT) h = DOMAIN_TEXT - 1;
  char *p = c->name;
  memcpy(p, host, h);
  p += h;
  if (h) *p++ = ' ';
  *p++ = '[';
  memcpy(p, text, n);
  p += n;
  memcpy(p, "]", 2);
}

/* Forgets the last connection. Returns until when the new one must stand. */
static int64_t start(struct client *c)
{
  c->offers = c->mechanisms = c->used = c->dirty = 0;
  c->size = 0;
  c->trouble = 0;
  c->in_at = c->in_len = c->out_at = c->out_len = 0;
  return client_until(c, CLIENT_TIME_CONNECT);
}

int client_connect(struct client *c, struct ip const *ip, uint16_t port, char const *host)
{
  struct sockaddr_storage sa;
  socklen_t len = fill(&sa, ip, port);
  int one = 1;
  int64_t deadline = start(c);
  set_name(c, host, ip);
  int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int r = connect(fd, (struct sockaddr *)&sa, len);
  if (r < 0 && (errno == EINPROGRESS || errno == EINTR)) r = finish(fd, deadline);
  if (r == 0) r = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (r < 0) {
    int e = errno;
    close(fd);
    return errno = e, -1;
  }
  c->fd = fd;
  return 0;
}

/* A socket whose queue is full says EAGAIN at once, and nothing tells when there is room. */
static int connect_waiting(int fd, struct sockaddr_un const *sa, int64_t deadline)
{
  for (;;) {
    if (connect(fd, (struct sockaddr const *)sa, sizeof *sa) == 0) return 0;
    if (errno != EAGAIN && errno != EINTR) return -1;
    if (io_now() >= deadline) return errno = ETIMEDOUT, -1;
    poll(0, 0, FULL_WAIT);
  }
}

int client_connect_local(struct client *c, char const *path)
{
  struct sockaddr_un sa = { .sun_family = AF_UNIX };
  int64_t deadline = start(c);
  size_t n = strlen(path);
  if (n >= sizeof sa.sun_path) return errno = ENAMETOOLONG, -1;
  memcpy(sa.sun_path, path, n + 1);
  memcpy(c->name, path, n + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect_waiting(fd, &sa, deadline) < 0) {
    int e = errno;
    close(fd);
    return errno = e, -1;
  }
  c->fd = fd;
  return 0;
}
