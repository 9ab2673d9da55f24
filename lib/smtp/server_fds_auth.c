/* The session's real world: the checker's process, the file of failed logins, TLS by a provider of UCSPI-TLS. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "base/log.h"
#include "policy/limits.h"
#include "smtp/server.h"
#include "ucspi/vars.h"

static int auth_start(void *arg, enum checker_mechanism m)
{
  struct server_fds *f = arg;
  return checker_start(&f->checking, f->checker, m);
}

static void auth_ask(void *arg, char const *s, size_t n)
{
  checker_ask(&((struct server_fds *)arg)->checking, s, n);
}

static ssize_t auth_exchange(void *arg, char const *s, size_t n, char out[CHECKER_MESSAGE], int64_t deadline)
{
  return checker_exchange(&((struct server_fds *)arg)->checking, s, n, out, deadline);
}

static void auth_finish(void *arg, int64_t deadline, struct checker_answer *a)
{
  checker_finish(&((struct server_fds *)arg)->checking, deadline, a);
}

static void auth_abort(void *arg)
{
  checker_abort(&((struct server_fds *)arg)->checking);
}

static int64_t wall_clock(void)
{
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Opened when it is needed first. */
static struct failures *failures(struct server_fds *f)
{
  struct log_line l;
  char const *why = f->failures_known ? 0 : failures_open(&f->failures, f->failures_path);
  f->failures_known = 1;
  if (why) {
    log_start(&l, "no-failures");
    log_str(&l, "path", f->failures_path);
    log_str(&l, "error", why);
    log_end(&l);
  }
  return &f->failures;
}

static uint32_t auth_begin(void *arg, struct ip const *client)
{
  return failures_begin(failures(arg), client, wall_clock());
}

static void auth_take_back(void *arg, struct ip const *client)
{
  failures_take_back(failures(arg), client, wall_clock());
}

static void auth_wait(void *arg, int64_t milliseconds)
{
  struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
  (void)arg;
  while (nanosleep(&t, &t) < 0 && errno == EINTR) ;
}

void server_world_auth(struct server_world *w, struct server_fds *f, char const *const *checker, char const *path,
                       struct table_set const *limits)
{
  static struct server_auth const real = {
    &auth_start, &auth_ask, &auth_exchange, &auth_finish, &auth_abort, &auth_begin, &auth_take_back, &auth_wait
  };
  f->checker = checker;
  f->failures_path = path;
  f->failures.max = limit_get(limits, LIMIT_AUTH_FAILURES);
  f->failures.forget = limit_get(limits, LIMIT_AUTH_FORGET);
  w->auth = &real;
}

static int tls_start(void *arg, stralloc *vars, int64_t deadline)
{
  struct server_fds *f = arg;
  int const null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int r = io_write(f->tls[0], "Y", 1, deadline) < 0 ? -1 : ucspi_vars_read(f->tls[0], vars, deadline);
  if (r < 0) {
    struct log_line l;
    int e = errno;
    log_start(&l, "no-tls");
    log_str(&l, "error", strerror(e));
    log_end(&l);
  }
  if (r < 0) shutdown(f->out, SHUT_WR); /* a provider that is stuck has it, too */
  /* the network is the provider's alone now */
  if (null < 0 || dup2(null, f->in) < 0 || dup2(null, f->out) < 0) r = -1;
  if (null >= 0) close(null);
  server_fds_take(f, f->tls[1], f->tls[2]);
  return r;
}

/* The provider says nothing before it is asked; whoever can be read from has hung up, or is none. */
static int tls_there(void *arg)
{
  struct pollfd p = { .fd = ((struct server_fds *)arg)->tls[0], .events = POLLIN };
  return poll(&p, 1, 0) == 0;
}

void server_world_tls(struct server_world *w, struct server_fds *f, int const fds[3])
{
  memcpy(f->tls, fds, sizeof f->tls);
  w->tls = &tls_start;
  w->tls_there = &tls_there;
}
