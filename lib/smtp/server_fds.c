/* The session's real world: two descriptors, and an injector process. On sockets a read or write costs one system
 * call: the kernel itself keeps the usual deadline. Elsewhere, and for shorter deadlines, readiness is asked first. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/io.h"
#include "smtp/server.h"

static ssize_t fds_read(void *arg, char *buf, size_t len, int64_t deadline)
{
  struct server_fds *f = arg;
  if (f->patience && deadline - io_now() + f->patience / 64 + 2 >= f->patience) {
    ssize_t r = read(f->in, buf, len);
    if (r >= 0 || (errno != EAGAIN && errno != EINTR)) return r;
  }
  return io_read(f->in, buf, len, deadline);
}

static int fds_write(void *arg, char const *s, size_t len, int64_t deadline)
{
  struct server_fds *f = arg;
  while (len) {
    ssize_t w = send(f->out, s, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (w < 0 && errno == ENOTSOCK) return io_write(f->out, s, len, deadline);
    if (w < 0 && errno == EAGAIN) {
      struct pollfd p = { .fd = f->out, .events = POLLOUT };
      int64_t left = deadline - io_now();
      if (left <= 0) return errno = ETIMEDOUT, -1;
      if (poll(&p, 1, left > 3600000 ? 3600000 : (int)left) < 0 && errno != EINTR) return -1;
      continue;
    }
    if (w < 0 && errno != EINTR) return -1;
    if (w > 0) s += w, len -= (size_t)w;
  }
  return 0;
}

static void fds_id(void *arg, char out[STORE_ID + 1])
{
  (void)arg;
  store_id(out);
}

static int fds_start(void *arg, char const *id, int utf8)
{
  struct server_fds *f = arg;
  return inject_start(&f->inject, f->program, id, utf8);
}

static void fds_body(void *arg, char const *s, size_t len, int64_t deadline)
{
  inject_body(&((struct server_fds *)arg)->inject, s, len, deadline);
}

static void fds_finish(void *arg, char const *sender, char const *recipients, size_t n, int64_t deadline,
                       struct inject_result *r)
{
  inject_finish(&((struct server_fds *)arg)->inject, sender, recipients, n, deadline, r);
}

static void fds_sheet(void *arg, char const *s, size_t n)
{
  inject_sheet(&((struct server_fds *)arg)->inject, s, n);
}

static void fds_abort(void *arg)
{
  inject_abort(&((struct server_fds *)arg)->inject);
}

static void fds_ask(void *arg, enum ask_kind kind, char const *subject, int64_t deadline, struct ask_answer *out)
{
  ask_question(&((struct server_fds *)arg)->ask, kind, subject, deadline, out);
}

static void fds_set(void *arg, char const *name, char const *value)
{
  (void)arg;
  if (value) setenv(name, value, 1); /* without memory nobody is told */
  else unsetenv(name);
}

/* A provider of TLS has the client's connection, too: should it be stuck, our end would be nobody's. What was written
 * still arrives. */
void server_world_close(struct server_fds *f)
{
  if (f->tls[0] >= 0) shutdown(f->out, SHUT_WR);
  checker_abort(&f->checking);
  failures_close(&f->failures);
  ask_close(&f->ask);
}

void server_fds_take(struct server_fds *f, int in, int out)
{
  struct timeval wait = { .tv_sec = f->seconds };
  int one = 1;
  f->in = in;
  f->out = out;
  f->patience = setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) ? 0 : 1000 * (int64_t)f->seconds;
  setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* no socket or no TCP: nothing to speed up */
}

void server_world_fds(struct server_world *w, struct server_fds *f, int in, int out, uint32_t seconds,
                      char const *program, char const *rules)
{
  static struct server_world const real = {
    0, &fds_read, &fds_write, &fds_id, &fds_start, &fds_body, &fds_finish, &fds_abort, &fds_ask,
    &fds_set, 0, 0, 0, &fds_sheet
  };
  *w = real;
  w->arg = f;
  *f = (struct server_fds){ .program = program, .seconds = seconds, .tls = { -1, -1, -1 }, .failures.slots.fd = -1 };
  ask_init(&f->ask, rules);
  server_fds_take(f, in, out);
}
