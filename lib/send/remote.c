/* One relay-remote: its start, its jobs, its report, its end. pool.c decides who gets one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "queue/job.h"
#include "send/destination.h"
#include "send/message.h"
#include "send/pool.h"

#define DIED "The delivery program died; the message may have been delivered. (#4.3.0)"
#define NOT_STARTED "The delivery program could not be started. (#4.3.0)"
#define NONSENSE "The delivery program's report is malformed; the message may have been delivered. (#4.3.0)"
#define TOO_SLOW "The delivery took too long; the message may have been delivered. (#4.4.7)"

/* Is it the kernel that lacks something (ETOOMANYREFS: too many descriptors are under way in sockets)? */
static int passes(int e)
{
  return e == ENOMEM || e == ENOBUFS || e == ETOOMANYREFS || e == EINTR;
}

void remote_requests(struct send *s)
{
  if (s->lost) return;
  int done = unixmessage_sender_flush(&s->requests);
  s->requests_again = !done && passes(errno);
  if (!done && !s->requests_again && errno != EAGAIN && errno != EWOULDBLOCK) s->lost = 1;
  int waiting = !done && !s->requests_again; /* the socket may well have room: nothing to wait for */
  if (s->requests_waiting == waiting) return;
  struct epoll_event e = { .data.ptr = &s->watch[WATCH_SPAWNER] };
  e.events = waiting ? EPOLLRDHUP | EPOLLOUT : EPOLLRDHUP;
  s->requests_waiting = waiting;
  if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, unixmessage_sender_fd(&s->requests), &e) < 0) s->lost = 1;
}

/* Hands one end of a socket pair to the spawner. Returns our end, or -1 with errno. */
static int request(struct send *s, char const *word)
{
  int fd[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) return -1;
  unixmessage m = { .s = (char *)word, .len = strlen(word), .fds = &fd[1], .nfds = 1 };
  if (fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0
      || !unixmessage_put_and_close(&s->requests, &m, unixmessage_bits_closeall)) {
    int e = errno;
    close(fd[0]);
    close(fd[1]);
    errno = e;
    return -1;
  }
  remote_requests(s);
  return fd[0];
}

struct remote *remote_start(struct send *s, struct destination *d)
{
  struct remote *r = calloc(1, sizeof *r);
  if (!r) return 0;
  r->watch = WATCH_REMOTE;
  r->edition = s->routing.edition;
  r->destination = d;
  r->fd = request(s, d->word);
  struct epoll_event e = { .events = EPOLLIN, .data.ptr = r };
  if (r->fd < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, r->fd, &e) < 0) {
    int why = errno;
    if (r->fd >= 0) close(r->fd);
    free(r);
    errno = why;
    return 0;
  }
  unixmessage_receiver_init(&r->receiver, r->fd, r->main_buffer, sizeof r->main_buffer, r->aux_buffer,
    sizeof r->aux_buffer);
  unixmessage_receiver_refuse_fds(&r->receiver);
  r->next = s->all;
  if (s->all) s->all->prev = r;
  s->all = r;
  s->remotes++;
  d->remotes++;
  r->doubt = d->failures > 0;
  s->doubts += r->doubt;
  return r;
}

void remote_end(struct send *s, struct remote *r)
{
  struct destination *d = r->destination;
  pool_not_idle(s, r);
  close(r->fd);
  r->fd = -1;
  unixmessage_receiver_free(&r->receiver);
  if (r->prev) r->prev->next = r->next;
  else s->all = r->next;
  if (r->next) r->next->prev = r->prev;
  s->remotes--;
  pool_no_doubt(s, r);
  d->remotes--;
  if (r->worked) d->good--;
  r->next = s->gone;
  s->gone = r;
  destination_unpark(s, d);
  pool_feed(s); /* before d itself, which would take the place again */
  if (d->first) destination_list(s, d, 0);
}

void remote_bury(struct send *s)
{
  for (struct remote *r; (r = s->gone);) {
    s->gone = r->next;
    free(r);
  }
}

/* Puts the recipients and, when the sender or any of them has some, the parameters. */
static int put_recipients(stralloc *job, struct store_message const *store, struct delivery const *v)
{
  char const *sender = store_params(store, 0);
  int ok = 1, any = *sender;
  for (unsigned i = 0; ok && i < v->n; i++) {
    char const *address = store->envelope + v->at[i] + 1;
    ok = stralloc_catb(job, address, strlen(address) + 1);
    any |= *store_params(store, v->at[i]);
  }
  if (!any || !ok) return ok;
  ok = stralloc_catb(job, "", 1) && stralloc_catb(job, sender, strlen(sender) + 1);
  for (unsigned i = 0; ok && i < v->n; i++) {
    char const *parameters = store_params(store, v->at[i]);
    ok = stralloc_catb(job, parameters, strlen(parameters) + 1);
  }
  return ok;
}

/* A job fits into the socket's buffer (DELIVERY_BYTES), so it goes out at once or the other end has gone. */
int remote_give(struct send *s, struct remote *r, struct delivery *v)
{
  struct store_message const *store = &v->message->store;
  unixmessage_sender out = UNIXMESSAGE_SENDER_ZERO;
  int fd = store->fd;
  s->job.len = 0;
  int ok = job_head(&s->job, store->body, store->flags, v->message->id, store_sender(store))
    && put_recipients(&s->job, store, v);
  unixmessage m = { .s = s->job.s, .len = s->job.len, .fds = &fd, .nfds = 1 };
  unixmessage_sender_init(&out, r->fd);
  ok = ok && unixmessage_put(&out, &m) && unixmessage_sender_flush(&out);
  unixmessage_sender_free(&out);
  if (!ok) return 0;
  r->delivery = v;
  r->since = s->up;
  if (!r->row++) r->begun = s->up;
  s->busy++;
  return 1;
}

static struct delivery *take_back(struct send *s, struct remote *r)
{
  struct delivery *v = r->delivery;
  r->delivery = 0;
  s->busy--;
  return v;
}

/* It has closed its end, or is given up. `unread`: it has not read its job, as one that leaves when idle, or never
 * started. */
static void lost(struct send *s, struct remote *r, int unread, char const *why)
{
  struct destination *d = r->destination;
  struct delivery *v = r->delivery ? take_back(s, r) : 0;
  int reused = r->reports > 0;
  remote_end(s, r);
  if (!v) return;
  if (!unread) message_outcome(s, v, OUTCOME_DEFERRED, why, d->word);
  else if (reused) pool_untried(s, d, v);
  else pool_again(s, d, v, NOT_STARTED, 1);
}

/* The next hop as a whole can't be reached. When others of the same destination work, it only takes no more at once. */
static void unreachable(struct send *s, struct remote *r, struct delivery *v, char const *why)
{
  struct destination *d = r->destination;
  char text[REASON_TEXT];
  size_t n = strnlen(why, sizeof text - 1); /* it stands in r's buffer */
  memcpy(text, why, n);
  text[n] = 0;
  unsigned others = d->good - r->worked;
  remote_end(s, r);
  if (others && others < d->window) d->window = others;
  pool_again(s, d, v, text, !others);
}

static void report(struct send *s, struct remote *r, char const *data, size_t len)
{
  struct destination *d = r->destination;
  struct report rep;
  if (!r->delivery) { /* it speaks unasked */
    remote_end(s, r);
    return;
  }
  enum report_state state = report_scan(&rep, data, len, r->delivery->n);
  if (state == REPORT_BAD) {
    lost(s, r, 0, NONSENSE);
    return;
  }
  struct delivery *v = take_back(s, r);
  r->reports++;
  if (state == REPORT_WHOLE && report_whole(&rep) == OUTCOME_DEFERRED) {
    unreachable(s, r, v, rep.text);
    return;
  }
  if (state == REPORT_EACH && !rep.unmet) {
    if (!r->worked) d->good++;
    r->worked = 1;
    pool_no_doubt(s, r);
    destination_succeeded(s, d);
  }
  if (state == REPORT_EACH) message_report(s, v, &rep, d->word);
  else message_outcome(s, v, report_whole(&rep), rep.text, d->word);
  pool_idle(s, r);
}

void remote_event(struct send *s, struct remote *r)
{
  while (r->fd >= 0) {
    unixmessage m;
    int n = unixmessage_receive(&r->receiver, &m);
    if (n > 0) report(s, r, m.s, m.len);
    else if (n < 0) lost(s, r, errno == ECONNRESET, errno == EPROTO ? NONSENSE : DIED);
    else if (r->receiver.mainlen > REPORT_MOST) lost(s, r, 0, NONSENSE);
    else return;
  }
}

void remote_sweep(struct send *s)
{
  for (struct remote *r = s->all, *next; r; r = next) {
    next = r->next;
    if (r->delivery && s->up > r->since + REMOTE_TIME) lost(s, r, 0, TOO_SLOW);
  }
}
