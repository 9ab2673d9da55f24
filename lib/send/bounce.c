/* Reports: relay-bounce is told what to say, and does it. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/io.h"
#include "base/log.h"
#include "send/bounce.h"
#include "send/outcome.h"
#include "send/owed.h"

extern char **environ;

/* An unnamed file with these bytes, at its beginning. Returns it, or -1 with errno. */
static int memory_file(char const *s, size_t len)
{
  int fd = memfd_create("bounce", MFD_CLOEXEC);
  if (fd < 0) return -1;
  if (io_write_file(fd, s, len) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
    int e = errno;
    close(fd);
    errno = e;
    return -1;
  }
  return fd;
}

/* What relay-bounce is to know (report/notice.h). */
static int put_head(stralloc *sa, struct send const *s, struct message const *m)
{
  struct store_message const *st = &m->store;
  char const *parameters = store_params(st, 0);
  uint64_t arrival = st->arrival > 0 ? (uint64_t)st->arrival : 0;
  return notice_put(sa, 'M', s->routing.me) && notice_put(sa, 'I', m->id) && notice_put_number(sa, 'A', arrival)
    && notice_put_number(sa, 'B', st->body) && notice_put_number(sa, 'L', st->flags)
    && notice_put_number(sa, 'U', arrival + s->routing.queue_time) && notice_put(sa, 'F', store_sender(st))
    && (!*parameters || notice_put(sa, 'P', parameters));
}

static int put_recipient(stralloc *sa, struct send const *s, struct message const *m, struct owed const *o)
{
  char const *parameters = store_params(&m->store, o->at);
  return notice_put(sa, 'T', m->store.envelope + o->at + 1) && (!*parameters || notice_put(sa, 'P', parameters))
    && notice_put_number(sa, 'W', (uint64_t)s->now) && notice_put_kind(sa, o->kind, o->text);
}

static int records_file(struct send const *s, struct message const *m)
{
  stralloc text = STRALLOC_ZERO;
  struct owed o;
  size_t pos = 0;
  int fd = -1, ok = put_head(&text, s, m);
  while (ok && owed_next(m, &pos, &o)) ok = !owed_wanted(m, o.at, o.kind) || put_recipient(&text, s, m, &o);
  if (ok) fd = memory_file(text.s, text.len);
  int e = errno;
  stralloc_free(&text);
  errno = e;
  return fd;
}

/* Starts relay-bounce on the message and the records. Returns 0, or an error number. */
static int start(struct send const *s, int message, int records, pid_t *pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  sigset_t none, standard;
  sigemptyset(&none);
  sigemptyset(&standard);
  sigaddset(&standard, SIGPIPE);
  if (posix_spawn_file_actions_init(&actions)) return ENOMEM;
  if (posix_spawnattr_init(&attr)) {
    posix_spawn_file_actions_destroy(&actions);
    return ENOMEM;
  }
  int e = posix_spawn_file_actions_adddup2(&actions, message, 0);
  if (!e) e = posix_spawn_file_actions_adddup2(&actions, records, 1);
  if (!e) e = posix_spawnattr_setsigmask(&attr, &none);
  if (!e) e = posix_spawnattr_setsigdefault(&attr, &standard);
  if (!e) e = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char *argv[] = { (char *)s->reporter, 0 };
  if (!e) e = posix_spawnp(pid, s->reporter, &actions, &attr, argv, environ);
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&actions);
  return e;
}

static void say(char const *event, struct message const *m, char const *bounce, char const *error, int code)
{
  struct log_line l;
  log_start(&l, event);
  log_str(&l, "id", m->id);
  log_str(&l, "to", store_sender(&m->store));
  log_str(&l, "bounce", bounce);
  log_str(&l, "error", error);
  if (code) log_num(&l, "code", (uint64_t)code);
  log_end(&l);
}

/* Nobody is told; the log has `event`. */
static void drop(struct send *s, struct message *m, char const *event)
{
  size_t pos = 0;
  struct owed o;
  struct log_line l;
  while (owed_next(m, &pos, &o)) {
    if (o.kind != NOTICE_FAILED && o.kind != NOTICE_EXPIRED) continue;
    log_start(&l, event);
    log_str(&l, "id", m->id);
    log_str(&l, "to", m->store.envelope + o.at + 1);
    log_str(&l, "text", o.text);
    log_end(&l);
  }
  outcome_settle(s, m);
}

/* There was trouble with the report: it stays for later; but not for ever. However old the message is, that time begins
 * with the first trouble. */
static void put_off(struct send *s, struct message *m)
{
  uint32_t *since = &s->schedule.slot[m->slot].trouble;
  if (!*since) *since = s->up > 0 ? (uint32_t)s->up : 1;
  if (s->up - *since < s->routing.queue_time) {
    outcome_keep(s, m);
    return;
  }
  *since = 0;
  drop(s, m, "double-bounce");
}

static int anybody(struct message const *m)
{
  size_t pos = 0;
  struct owed o;
  while (owed_next(m, &pos, &o)) if (owed_wanted(m, o.at, o.kind)) return 1;
  return 0;
}

static int launch(struct send *s, struct bounce *b, struct message *m)
{
  char id[STORE_ID + 1];
  store_id(id);
  int records = records_file(s, m);
  int e = records < 0 ? errno : 0;
  if (!e && setenv("RELAYID", id, 1) < 0) e = errno;
  if (!e) e = start(s, m->store.fd, records, &b->pid);
  if (records >= 0) close(records);
  if (e) {
    b->pid = 0;
    say("bounce-trouble", m, 0, strerror(e), 0);
    return 0;
  }
  b->message = m;
  b->since = s->up;
  say("bounce", m, id, 0, 0);
  return 1;
}

int bounce_start(struct send *s, struct message *m)
{
  if (!anybody(m)) {
    char const *sender = store_sender(&m->store);
    int null = !*sender || !strcmp(sender, "#@[]"); /* a bounce of a bounce (RFC 5321 4.5.5); else RFC 3461 4.1 */
    drop(s, m, null ? "double-bounce" : "unreported");
    return 0;
  }
  for (unsigned i = 0; i < BOUNCES; i++)
    if (!s->bounce[i].pid) {
      if (launch(s, s->bounce + i, m)) return 1;
      put_off(s, m);
      return 0;
    }
  m->queue = 0;
  if (s->bounce_last) s->bounce_last->queue = m;
  else s->bounce_first = m;
  s->bounce_last = m;
  return 1;
}

/* Starts those that wait, while there is a place. */
static void go_on(struct send *s)
{
  for (;;) {
    struct message *m = s->bounce_first;
    unsigned i = 0;
    while (i < BOUNCES && s->bounce[i].pid) i++;
    if (!m || i == BOUNCES) return;
    s->bounce_first = m->queue;
    if (!s->bounce_first) s->bounce_last = 0;
    if (!bounce_start(s, m)) message_advance(s, m);
  }
}

int bounce_reaped(struct send *s, pid_t pid, int status)
{
  for (unsigned i = 0; i < BOUNCES; i++) {
    struct bounce *b = s->bounce + i;
    if (b->pid != pid) continue;
    struct message *m = b->message;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    b->pid = 0;
    if (code < 0) say("bounce-trouble", m, 0, "crashed", WTERMSIG(status));
    else if (code) say("bounce-trouble", m, 0, "refused", code);
    if (!code) s->schedule.slot[m->slot].trouble = 0;
    if (!code) outcome_settle(s, m);
    else if (code >= 11 && code <= 40) drop(s, m, "double-bounce"); /* for good: qmail-queue(8) */
    else put_off(s, m);
    message_advance(s, m);
    go_on(s);
    return 1;
  }
  return 0;
}

void bounce_sweep(struct send *s)
{
  for (unsigned i = 0; i < BOUNCES; i++)
    if (s->bounce[i].pid && s->up > s->bounce[i].since + BOUNCE_TIME) kill(s->bounce[i].pid, SIGKILL);
}

unsigned bounce_count(struct send const *s)
{
  unsigned n = 0;
  for (unsigned i = 0; i < BOUNCES; i++) n += s->bounce[i].pid != 0;
  return n + (s->bounce_first != 0);
}
