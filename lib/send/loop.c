/* relay-send's event loop: the trigger, signals, the spawner's socket, the relay-remotes' sockets; and the clock. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <skalibs/random.h>
#include <skalibs/selfpipe.h>
#include <skalibs/strerr.h>
#include "base/log.h"
#include "send/arrival.h"
#include "send/bounce.h"
#include "send/clock.h"
#include "send/destination.h"
#include "send/due.h"
#include "send/hold.h"
#include "send/loop.h"
#include "send/pool.h"
#include "send/renew.h"
#include "send/syncer.h"
#include "slots/slots.h"

#define EVENTS 128       /* taken at once */
#define SWEEP 60         /* seconds */
#define OWN_DESCRIPTORS 64

static struct send send_state;

static void say(char const *event, char const *why)
{
  struct log_line l;
  log_start(&l, event);
  log_str(&l, "why", why);
  log_end(&l);
}

/* Descriptors: one for each active message (a second one only while marks are written: OWN_DESCRIPTORS has it), two for
 * each relay-remote (the other end, until the spawner has it), and some of our own. */
static void measure(struct send *s)
{
  struct rlimit r;
  rlim_t n = 1024;
  if (!getrlimit(RLIMIT_NOFILE, &r)) {
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
    if (!getrlimit(RLIMIT_NOFILE, &r)) n = r.rlim_cur;
  }
  n = n > 65536 ? 65536 : n < OWN_DESCRIPTORS + 4 ? 4 : n - OWN_DESCRIPTORS;
  s->remote_most = (unsigned)(n / 4);
  s->active_most = (unsigned)(n - 2 * s->remote_most);
  if (s->active_most > MESSAGE_ACTIVE) s->active_most = MESSAGE_ACTIVE;
}

static int watch(struct send *s, enum watch which, int fd, uint32_t events)
{
  s->watch[which] = which;
  struct epoll_event e = { .events = events, .data.ptr = &s->watch[which] };
  return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

static int set_up(struct send *s, struct loop_options const *o)
{
  static int const trapped[] = { SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGCHLD };
  s->schedule = (struct schedule)SCHEDULE_ZERO;
  random_buf((char *)&s->schedule.seed, sizeof s->schedule.seed);
  s->routing.path = o->rules;
  s->reporter = o->reporter;
  s->refused = o->refused;
  s->scan_every = o->scan_every;
  s->spawner = o->spawner_pid;
  s->syncer = o->syncer_pid;
  s->sync_fd = o->syncer;
  clock_look(s);
  s->sweep_at = s->now + SWEEP;
  unixmessage_sender_init(&s->requests, o->spawner);
  measure(s);
  if (arrival_open(s) < 0) strerr_diefusys(111, "open the queue's trigger");
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->signals = selfpipe_init();
  signal(SIGPIPE, SIG_IGN);
  int ok = s->epoll >= 0 && s->signals >= 0;
  for (unsigned i = 0; ok && i < sizeof trapped / sizeof *trapped; i++) ok = selfpipe_trap(trapped[i]);
  return ok && !watch(s, WATCH_TRIGGER, s->trigger, EPOLLIN) && !watch(s, WATCH_SIGNAL, s->signals, EPOLLIN)
    && !watch(s, WATCH_SPAWNER, o->spawner, EPOLLRDHUP) && !watch(s, WATCH_SYNCER, o->syncer, EPOLLIN);
}

/* Children: relay-bounces, and the spawner. */
static void reap(struct send *s)
{
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR);)
    if (pid > 0 && !bounce_reaped(s, pid, status) && pid == s->spawner) s->lost = 1;
}

static void stop(struct send *s, char const *why)
{
  struct log_line l;
  if (s->stopping) return;
  s->stopping = 1;
  pool_end_idle(s);
  log_start(&l, "stopping");
  log_str(&l, "why", why);
  log_num(&l, "running", s->busy);
  log_end(&l);
}

/* Without its spawner it can start nothing. The requests that it did not take are no more: those relay-remotes never
 * start, which shows as their end. */
static void lose(struct send *s)
{
  epoll_ctl(s->epoll, EPOLL_CTL_DEL, unixmessage_sender_fd(&s->requests), 0);
  unixmessage_sender_free(&s->requests);
  s->requests_again = 0;
  stop(s, "the spawner has ended");
}

/* Everything is due now. */
static void hurry(struct send *s)
{
  destination_sweep(s, 1);
  hold_retry(s, 1);
  schedule_hurry(&s->schedule, s->now);
  s->hurry = s->scan_next < STORE_SPLIT;
}

static void on_signals(struct send *s)
{
  for (int sig; (sig = selfpipe_read()) > 0;) switch (sig) {
    case SIGTERM: case SIGINT:
      stop(s, "signal");
      break;
    case SIGHUP:
      if (!s->stopping) renew(s, 1);
      break;
    case SIGALRM:
      slots_forget(s->refused);
      s->routing.checked = -1; /* rules that came within this second, too */
      if (!s->stopping) renew(s, 0);
      hurry(s);
      break;
    case SIGCHLD:
      reap(s);
      break;
    default: break;
  }
}

/* What the clock brings. Returns 1 when there is more to do at once. */
static int on_time(struct send *s)
{
  int more = 0;
  if (s->now >= s->sweep_at || s->sweep_at > s->now + 2 * SWEEP) { /* or the clock was set back */
    remote_sweep(s);
    bounce_sweep(s);
    destination_sweep(s, 0);
    s->sweep_at = s->now + SWEEP;
  }
  hold_retry(s, 0);
  if (s->requests_again) remote_requests(s);
  syncer_again(s);
  if (s->stopping) return 0;
  if (s->now >= s->scan_at || s->scan_at > s->now + 2 * s->scan_every) arrival_scan(s);
  if (s->scan_next < STORE_SPLIT) {
    arrival_scan_step(s);
    more = s->scan_next < STORE_SPLIT;
    if (!more) s->hurry = 0;
  }
  if (s->routing.table) more |= due_run(s);
  pool_run(s);
  return more;
}

/* Milliseconds until the clock brings something; at most a second's worth of rounding too late. */
static int patience(struct send const *s, int more)
{
  if (more) return 0;
  if (s->stopping || s->requests_again) return 1000;
  int64_t next = s->sweep_at < s->scan_at ? s->sweep_at : s->scan_at;
  if (s->held && s->hold_at < next) next = s->hold_at;
  int64_t due = due_when(s, next);
  if (due < next) next = due;
  if (next <= s->now) return 1000; /* due, but there are no rules */
  int64_t left = next - s->now;
  return left > SWEEP ? SWEEP * 1000 : (int)left * 1000;
}

static void on_event(struct send *s, struct epoll_event const *e)
{
  switch (*(enum watch *)e->data.ptr) {
    case WATCH_TRIGGER:
      arrival_read(s);
      break;
    case WATCH_SIGNAL:
      on_signals(s);
      break;
    case WATCH_SPAWNER:
      if (s->lost) break;
      if (e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) s->lost = 1;
      else remote_requests(s);
      break;
    case WATCH_SYNCER:
      if (s->sync_fd >= 0 && !syncer_event(s)) stop(s, "the syncer has ended");
      break;
    case WATCH_REMOTE:
      remote_event(s, e->data.ptr);
      pool_run(s);
      break;
  }
}

int loop(struct loop_options const *o)
{
  struct send *s = &send_state;
  struct epoll_event events[EVENTS];
  unsigned lost = 0;
  int more = 1;
  if (!set_up(s, o)) strerr_diefusys(111, "set up the event loop");
  say("running", 0);
  for (;;) {
    int n = epoll_wait(s->epoll, events, EVENTS, patience(s, more));
    if (n < 0 && errno != EINTR) strerr_diefusys(111, "wait for events");
    clock_look(s);
    if (clock_back(s)) hurry(s);
    if (!s->stopping) renew(s, 0);
    for (int i = 0; i < n; i++) on_event(s, events + i);
    remote_bury(s);
    more = on_time(s);
    remote_bury(s);
    if (s->lost && !lost) lose(s);
    lost = s->lost;
    if (s->stopping && !s->busy && !bounce_count(s)) break;
  }
  hold_retry(s, 1);
  int whole = !lost && s->sync_fd >= 0;
  syncer_end(s);
  say("stopped", 0);
  return whole ? 0 : 111;
}
