/* The loop. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/selfpipe.h>
#include "base/io.h"
#include "share/work.h"

#define TICK 1000 /* milliseconds between two looks at what is due */

enum { POLL_SIGNALS, POLL_RESOLVE, POLL_COMMAND, POLL_LISTEN, POLL_LOCAL, POLL_COUNT };

static int die(char const *event, char const *what, char const *why)
{
  struct log_line l;
  log_start(&l, event);
  log_str(&l, "dir", what);
  log_str(&l, "why", why);
  log_end(&l);
  return 111;
}

static int trap(void)
{
  sigset_t set;
  int fd = selfpipe_init();
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return fd >= 0 && selfpipe_trapset(&set) ? fd : -1;
}

/* Events in the directory wait while the server is behind; when too many do, inotify says so. */
static void fill(struct share *x, struct pollfd p[POLL_COUNT])
{
  p[POLL_RESOLVE].fd = x->resolve.fd;
  p[POLL_COMMAND].fd = x->command.c ? x->command.c->fd : -1;
  p[POLL_COMMAND].events = x->command.c ? wire_events(&x->command) : 0;
  p[POLL_LISTEN].fd = x->listen.c ? x->listen.c->fd : -1;
  p[POLL_LISTEN].events = x->listen.c ? wire_events(&x->listen) : 0;
  p[POLL_LOCAL].fd = x->state != STATE_READY || publish_room(x) ? x->local.inotify : -1;
}

static int wait_time(struct share *x, int64_t now)
{
  if (x->local.scan && publish_room(x)) return 0;
  int64_t left = x->state == STATE_READY ? TICK : x->until - now;
  return left < 0 ? 0 : left < TICK ? (int)left : TICK;
}

/* Returns 1 while there is work. */
static int turn(struct share *x, struct pollfd p[POLL_COUNT])
{
  int64_t now = io_now(), late;
  clock_look(x, &late);
  link_turn(x, now);
  if (x->local.again && now >= x->local.again && x->state == STATE_READY) local_scan(x);
  if (x->local.scan && publish_room(x)) local_scan_step(x);
  news_say(x, now);
  fill(x, p);
  if (poll(p, POLL_COUNT, wait_time(x, now)) < 0) return errno == EINTR;
  if (p[POLL_SIGNALS].revents && selfpipe_read() > 0) return 0;
  short command = p[POLL_COMMAND].revents, listen = p[POLL_LISTEN].revents;
  if (p[POLL_RESOLVE].revents) link_resolved(x);
  else link_io(x, command, listen);
  if (p[POLL_LOCAL].revents) local_events(x);
  return !x->local.gone;
}

int share_run(struct share_options const *o)
{
  static struct share x; /* it is large */
  struct pollfd p[POLL_COUNT];
  char const *why;
  x = (struct share){ .o = o, .pause = 1000, .resolve.fd = -1, .local.inotify = -1 };
  for (int i = 0; i < POLL_COUNT; i++) p[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
  p[POLL_SIGNALS].fd = trap();
  if (p[POLL_SIGNALS].fd < 0) return die("failed", 0, strerror(errno));
  x.dir = stamp_open(o->dir, &why);
  if (x.dir < 0) return die("no-directory", o->dir, why);
  if (local_open(&x) < 0) return die("no-directory", o->dir, strerror(errno));
  while (turn(&x, p));
  link_close(&x);
  local_close(&x);
  close(x.dir);
  selfpipe_finish();
  return x.local.gone ? die("no-directory", o->dir, "it has gone") : 0;
}
