/* Jobs from relay-send over a Unix socket. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include <skalibs/djbunix.h>
#include <skalibs/tai.h>
#include <skalibs/unixmessage.h>
#include "base/io.h"
#include "queue/job.h"
#include "queue/store.h"
#include "remote/jobs.h"

struct jobs {
  struct remote *rm;
  char const *broken;
  int more;
  unixmessage_receiver in;
  unixmessage_sender out;
  struct client_report report;
  struct client_body body;
  char main[UNIXMESSAGE_BUFSIZE];
  char aux[UNIXMESSAGE_AUXBUFSIZE];
};

static void deliver(struct jobs *s, struct job const *j, int fd)
{
  struct client_message m = {
    .sender = j->sender, .recipients = j->recipients, .n = j->n, .dsn = j->dsn, .dsn_each = j->dsn_each,
    .utf8 = (j->flags & STORE_FLAG_UTF8) != 0, .body = &s->body,
  };
  if (client_body_open(&s->body, fd, (int64_t)j->body) < 0) {
    client_refuse(&s->report, j->n, 'Z', "the message can't be read (#4.3.0)", 0);
  }
  else if (s->body.measure.bad) {
    client_refuse(&s->report, j->n, 'D', CLIENT_BAD_TEXT, 0);
  }
  else remote_deliver(s->rm, &m, &s->report);
}

/* One job. Returns 0, or -1 with errno. */
static int serve(struct jobs *s, unixmessage const *m)
{
  static char const memory[] = "Zout of memory (#4.3.0)";
  struct job j;
  tain deadline, span;
  client_report_clear(&s->report);
  s->rm->met = 0;
  if (s->broken) client_report_add(&s->report, 'Z', s->broken, 0, 0);
  else if (m->nfds != 1 || !job_scan(&j, m->s, m->len) || !j.n) {
    client_report_add(&s->report, 'Z', "relay-remote got a job that it can't read (#4.3.0)", 0, 0);
  }
  else deliver(s, &j, m->fds[0]);
  if (s->more && s->report.lines) {
    if (s->report.dsn) client_report_add(&s->report, 'n', 0, 0, 0);
    if (s->rm->met) secure_report(&s->rm->secure, &s->report);
    else client_report_add(&s->report, 't', 0, 0, 0);
  }
  unixmessage_drop(m);
  unixmessage report = { .s = s->report.sa.s, .len = s->report.sa.len };
  if (s->report.failed) {
    report.s = (char *)memory;
    report.len = sizeof memory;
  }
  if (!unixmessage_put(&s->out, &report)) return -1;
  tain_now_g();
  tain_uint(&span, JOBS_REPORT_TIME);
  tain_add_g(&deadline, &span);
  return unixmessage_sender_timed_flush_g(&s->out, &deadline) ? 0 : -1;
}

/* Waits for a job; meanwhile the server may give the connection up. Returns 1, 0 when the time is over, or -1 with
 * errno. */
static int wait_job(struct jobs *s, int fd, unsigned idle)
{
  int64_t until = io_now() + (int64_t)idle * 1000;
  for (;;) {
    struct client *c = &s->rm->client;
    struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = c->fd, .events = POLLIN } };
    int64_t left = until - io_now();
    if (left < 0) left = 0;
    int r = poll(p, 2, (int)left);
    if (r < 0 && errno != EINTR) return -1;
    if (r < 0) continue;
    if (p[1].revents && !client_alive(c)) client_close(c); /* a ticket of TLS is no word of the server */
    if (p[0].revents) return 1;
    if (r == 0 && io_now() >= until) return 0;
  }
}

static int run(struct jobs *s, int fd, unsigned idle)
{
  for (;;) {
    unixmessage m;
    int r = unixmessage_receive(&s->in, &m);
    if (r < 0) return errno == EPIPE || errno == ECONNRESET ? 0 : -1;
    if (r > 0) {
      if (serve(s, &m) < 0) return -1;
      counts_log(&s->rm->counts, s->rm->route.host, 1);
      continue;
    }
    r = wait_job(s, fd, idle);
    if (r <= 0) return r;
  }
}

int jobs_serve(struct remote *rm, int fd, unsigned idle, int more, char const *broken)
{
  static struct jobs s; /* large */
  s.rm = rm;
  s.broken = broken;
  s.more = more;
  if (ndelay_on(fd) < 0) return -1;
  rm->client.owner = fd;
  unixmessage_sender_init(&s.out, fd);
  if (!unixmessage_receiver_init(&s.in, fd, s.main, sizeof s.main, s.aux, sizeof s.aux)) return -1;
  int r = run(&s, fd, idle);
  int e = errno;
  rm->client.owner = -1;
  counts_log(&rm->counts, rm->route.host, 0);
  close(fd); /* a job that came just now shows as unread (ECONNRESET) at the other end */
  remote_hang_up(rm);
  client_report_free(&s.report);
  unixmessage_sender_free(&s.out);
  unixmessage_receiver_free(&s.in);
  errno = e;
  return r;
}
