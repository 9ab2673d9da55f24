/* The process that has the keys.
 *
 *   connected --descriptors--> waiting --y, Y--> a process of its own
 *       |                         |
 *       +---- end, nonsense ------+----> closed
 *
 * It reads nothing but that from anybody, and nothing at all from the network. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <skalibs/selfpipe.h>
#include "base/io.h"
#include "base/log.h"
#include "tls/serve.h"
#include "tls/session.h"

#define BACKLOG 128
#define EVENTS 64
#define PAUSE 1000     /* milliseconds: looking for the first certificate; after an accept that failed */
#define LOG_EVERY 60000 /* milliseconds between two lines that say the limit is met */

struct slot {
  int control;          /* -1: free */
  int known;            /* the descriptors are here */
  struct ucspi_fds fds;
  struct slot *next;    /* free ones */
};

struct server {
  struct serve const *s;
  int epoll, signals;
  int listening, paused, ended;
  unsigned used, children;
  int64_t said;         /* when the limit was logged */
  struct slot *slots, *free;
};

/* epoll's data: a slot, or one of these */
static char const listener_, signals_;
#define LISTENER ((void *)&listener_)
#define SIGNALS ((void *)&signals_)

static int watch(struct server *v, int fd, void *what)
{
  struct epoll_event e = { .events = EPOLLIN, .data.ptr = what };
  return epoll_ctl(v->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void say(char const *event, char const *why)
{
  struct log_line l;
  log_start(&l, event);
  log_str(&l, "why", why);
  log_end(&l);
}

static void close_fds(struct ucspi_fds const *fds)
{
  close(fds->in);
  close(fds->out);
  close(fds->plain);
}

static void drop(struct server *v, struct slot *t)
{
  epoll_ctl(v->epoll, EPOLL_CTL_DEL, t->control, 0); /* closing is not enough: a process of its own may have it, too */
  close(t->control);
  if (t->known) close_fds(&t->fds);
  t->control = -1;
  t->known = 0;
  t->next = v->free;
  v->free = t;
  v->used--;
}

/* In the child: lets go what belongs to others, whose connections would else stay open as long as this one. */
static void become(struct server *v, struct slot *t, char c)
{
  struct session x = {
    .fds = t->fds, .control = t->control, .tell = c == 'Y', .handshake = v->s->handshake, .idle = v->s->idle
  };
  close(v->s->listener);
  close(v->epoll);
  for (unsigned i = 0; i < v->s->most; i++) {
    struct slot *o = &v->slots[i];
    if (o->control < 0 || o == t) continue;
    close(o->control);
    if (o->known) close_fds(&o->fds);
  }
  selfpipe_finish();
  signal(SIGTERM, SIG_DFL);
  signal(SIGHUP, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  _exit(session_run(&x, v->s->keys->ctx, &v->s->keys->certs));
}

static void start(struct server *v, struct slot *t, char c)
{
  keys_look(v->s->keys, 0);
  pid_t pid = fork();
  if (!pid) become(v, t, c);
  if (pid > 0) v->children++;
  else say("failed", strerror(errno));
}

static void serve_slot(struct server *v, struct slot *t)
{
  char c;
  if (!t->known) {
    int r = ucspi_take(t->control, &t->fds);
    if (r < 0 && errno == EAGAIN) return;
    if (r > 0) t->known = 1;
    else {
      if (r < 0) say("refused", "not relay-tls");
      drop(v, t);
      return;
    }
  }
  ssize_t r = recv(t->control, &c, 1, MSG_DONTWAIT);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (r == 1 && (c == 'y' || c == 'Y')) start(v, t, c);
  drop(v, t);
}

/* Too many: the program behind relay-tls sees the end at once and offers no TLS. */
static void refuse(struct server *v, int fd)
{
  int64_t now = io_now();
  close(fd);
  if (v->said && now - v->said < LOG_EVERY) return;
  v->said = now;
  say("refused", "too many connections");
}

static void take(struct server *v)
{
  int fd;
  while ((fd = accept4(v->s->listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
    struct slot *t = v->free;
    if (!t || v->used + v->children >= v->s->most) {
      refuse(v, fd);
      continue;
    }
    if (watch(v, fd, t) < 0) {
      close(fd);
      continue;
    }
    v->free = t->next;
    v->used++;
    t->control = fd;
    serve_slot(v, t); /* relay-tls has often spoken already */
  }
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
  say("failed", strerror(errno));
  epoll_ctl(v->epoll, EPOLL_CTL_DEL, v->s->listener, 0);
  v->paused = 1;
}

static void reap(struct server *v)
{
  while (waitpid(-1, 0, WNOHANG) > 0) v->children--;
}

static void on_signal(struct server *v)
{
  for (int c; (c = selfpipe_read()) > 0; ) {
    if (c == SIGTERM) v->ended = 1;
    else if (c == SIGCHLD) reap(v);
    else keys_look(v->s->keys, 1);
  }
}

/* Nobody can connect before there is a certificate. */
static void look(struct server *v)
{
  if (!v->listening && keys_look(v->s->keys, 0)) {
    int r = listen(v->s->listener, BACKLOG);
    if (r == 0) r = watch(v, v->s->listener, LISTENER);
    v->listening = r == 0;
    say(r ? "failed" : "ready", r ? strerror(errno) : 0);
  }
  if (v->paused && watch(v, v->s->listener, LISTENER) == 0) v->paused = 0;
}

static int prepare(struct server *v)
{
  sigset_t set;
  v->epoll = epoll_create1(EPOLL_CLOEXEC);
  v->signals = selfpipe_init();
  v->slots = calloc(v->s->most, sizeof *v->slots);
  if (v->epoll < 0 || v->signals < 0 || !v->slots || watch(v, v->signals, SIGNALS) < 0) return -1;
  for (unsigned i = v->s->most; i; i--) {
    v->slots[i - 1].control = -1;
    v->slots[i - 1].next = v->free;
    v->free = &v->slots[i - 1];
  }
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGHUP);
  return selfpipe_trapset(&set) ? 0 : -1;
}

int serve(struct serve *s)
{
  struct server v = { .s = s };
  struct epoll_event e[EVENTS];
  if (prepare(&v) < 0) return say("failed", strerror(errno)), 111;
  while (!v.ended) {
    int accepts = 0;
    look(&v);
    int n = epoll_wait(v.epoll, e, EVENTS, v.listening && !v.paused ? -1 : PAUSE);
    for (int i = 0; i < n; i++) {
      if (e[i].data.ptr == LISTENER) accepts = 1;
      else if (e[i].data.ptr == SIGNALS) on_signal(&v);
      else serve_slot(&v, e[i].data.ptr);
    }
    if (accepts) take(&v); /* last: a slot that gets free and used again has no events of its former life left */
  }
  free(v.slots);
  return 0;
}
