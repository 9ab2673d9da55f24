/* The client's side of an SMTP connection: connecting. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "base/io.h"
#include "smtp/client_session.h"

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

int client_connect(struct client *c, struct ip const *ip, uint16_t port, char const *host)
{
  struct sockaddr_storage sa;
  socklen_t len = fill(&sa, ip, port);
  int one = 1;
  unsigned seconds = c->patience && c->patience < CLIENT_TIME_CONNECT ? c->patience : CLIENT_TIME_CONNECT;
  int64_t deadline = io_now() + (int64_t)seconds * 1000;
  if (c->deadline && deadline > c->deadline) deadline = c->deadline;
  set_name(c, host, ip);
  c->offers = c->used = c->dirty = 0;
  c->size = 0;
  c->trouble = 0;
  c->in_at = c->in_len = c->out_at = c->out_len = 0;
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
