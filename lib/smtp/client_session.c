/* The client's side of an SMTP connection: commands out, replies in. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/io.h"
#include "smtp/client_session.h"

void client_init(struct client *c)
{
  memset(c, 0, offsetof(struct client, in));
  c->fd = c->owner = -1;
}

void client_close(struct client *c)
{
  if (c->via) c->via->close(c->via_arg);
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->via = 0;
  c->in_at = c->in_len = c->out_at = c->out_len = 0;
}

int64_t client_until(struct client const *c, unsigned seconds)
{
  if (c->patience && seconds > c->patience) seconds = c->patience;
  int64_t t = io_now() + (int64_t)seconds * 1000;
  return c->deadline && t > c->deadline ? c->deadline : t;
}

void client_secured(struct client *c, struct client_transport const *via, void *arg)
{
  c->via = via;
  c->via_arg = arg;
  c->offers = c->mechanisms = 0;
  c->size = 0;
  c->in_at = c->in_len = c->out_at = c->out_len = 0;
}

/* 530, 534, 538: RFC 4954 6, RFC 3207 4. */
int client_for_good(struct client const *c, int code)
{
  return code / 100 == 5 && !(c->relay && (code == 530 || code == 534 || code == 538));
}

int client_failed(struct client *c, enum client_trouble t)
{
  c->trouble = t;
  c->error = t == CLIENT_LOST ? errno : 0;
  return -1;
}

char const *client_trouble_text(struct client const *c)
{
  switch (c->trouble) {
    case CLIENT_TIMEOUT: return "did not answer in time (#4.4.2)";
    case CLIENT_GARBAGE: return "sent something that is no reply (#4.5.0)";
    case CLIENT_INJECTED:
      return "sent more than its answer to STARTTLS: somebody in between may have done that (#4.7.5)";
    default: return c->error == EPROTO ? "broke TLS (#4.4.2)" : "closed the connection (#4.4.2)";
  }
}

size_t client_room(struct client const *c)
{
  return CLIENT_OUT - c->out_len;
}

void client_put(struct client *c, char const *s, size_t n)
{
  memcpy(c->out + c->out_len, s, n);
  c->out_len += n;
}

void client_puts(struct client *c, char const *s)
{
  client_put(c, s, strlen(s));
}

/* Writes first and waits only when the kernel takes no more. */
static ssize_t write_some(struct client *c, char const *s, size_t n, int64_t deadline)
{
  for (;;) {
    ssize_t w = write(c->fd, s, n);
    if (w >= 0 || (errno != EINTR && errno != EAGAIN)) return w;
    if (errno == EINTR) continue;
    int64_t left = deadline - io_now();
    struct pollfd p = { .fd = c->fd, .events = POLLOUT };
    if (left <= 0) return errno = ETIMEDOUT, -1;
    if (poll(&p, 1, (int)left) < 0 && errno != EINTR) return -1;
  }
}

int client_flush(struct client *c, unsigned seconds)
{
  int64_t deadline = client_until(c, seconds);
  while (c->out_at < c->out_len) {
    char const *s = c->out + c->out_at;
    size_t n = c->out_len - c->out_at;
    ssize_t w = c->via ? c->via->write(c->via_arg, s, n, deadline) : write_some(c, s, n, deadline);
    if (w < 0) return client_failed(c, errno == ETIMEDOUT && io_now() >= deadline ? CLIENT_TIMEOUT : CLIENT_LOST);
    c->out_at += (size_t)w;
  }
  c->out_at = c->out_len = 0;
  return 0;
}

int client_read_lines(struct client *c, unsigned seconds, client_line_fn *each, void *arg)
{
  int64_t deadline = client_until(c, seconds);
  client_reply_start(&c->reply, each, arg);
  for (;;) {
    size_t used;
    enum client_reply_state s = client_reply_feed(&c->reply, c->in + c->in_at, c->in_len - c->in_at, &used);
    c->in_at += used;
    if (s == CLIENT_REPLY_DONE) return c->reply.code;
    if (s == CLIENT_REPLY_BAD) return client_failed(c, CLIENT_GARBAGE);
    c->in_at = c->in_len = 0;
    if (io_now() >= deadline) return client_failed(c, CLIENT_TIMEOUT); /* also when bytes keep dripping in */
    ssize_t r = c->via ? c->via->read(c->via_arg, c->in, CLIENT_IN, deadline)
      : io_read(c->fd, c->in, CLIENT_IN, deadline);
    if (r > 0) c->in_len = (size_t)r;
    else if (!r) return errno = 0, client_failed(c, CLIENT_LOST);
    else return client_failed(c, errno == ETIMEDOUT && io_now() >= deadline ? CLIENT_TIMEOUT : CLIENT_LOST);
  }
}

int client_read(struct client *c, unsigned seconds)
{
  return client_read_lines(c, seconds, 0, 0);
}

int client_last_words(struct client *c)
{
  if (c->trouble != CLIENT_LOST) return -1;
  int error = c->error;
  int code = client_read_lines(c, CLIENT_TIME_QUIT, 0, 0);
  c->trouble = CLIENT_LOST;
  c->error = error;
  return code;
}

int client_alive(struct client *c)
{
  struct pollfd p = { .fd = c->fd, .events = POLLIN };
  if (c->fd < 0 || c->in_at < c->in_len) return 0;
  return c->via ? c->via->quiet(c->via_arg) : poll(&p, 1, 0) == 0;
}

int client_unwanted(struct client *c)
{
  struct pollfd p = { .fd = c->owner };
  if (c->owner < 0 || poll(&p, 1, 0) <= 0) return 0; /* POLLHUP or POLLERR: nothing else was asked for */
  if (c->fd >= 0) shutdown(c->fd, SHUT_RDWR);
  return 1;
}

void client_quit(struct client *c)
{
  if (c->fd >= 0) {
    c->out_at = c->out_len = 0;
    client_puts(c, "QUIT\r\n");
    if (client_flush(c, CLIENT_TIME_QUIT) == 0) client_read(c, CLIENT_TIME_QUIT);
  }
  client_close(c);
}

void client_leave(struct client *c)
{
  static char const quit[] = "QUIT\r\n";
  if (c->fd >= 0) {
    ssize_t ignored = c->via ? c->via->write(c->via_arg, quit, sizeof quit - 1, 0)
      : send(c->fd, quit, sizeof quit - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
  }
  client_close(c);
}
