/* Bounces: composed, and handed to the injector. */
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
#include "send/compose.h"
#include "send/outcome.h"

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

static int body_file(struct send const *s, struct message const *m, char const *id)
{
  static char original[COMPOSE_HEADER];
  stralloc text = STRALLOC_ZERO;
  struct compose c = { .me = s->routing.me, .to = store_sender(&m->store), .id = id, .original = m->id, .now = s->now };
  size_t pos = 0;
  uint32_t at;
  char const *reason;
  int fd = -1;
  size_t want = m->store.body < sizeof original ? (size_t)m->store.body : sizeof original;
  ssize_t got = pread(m->store.fd, original, want, 0);
  int ok = got >= 0 && compose_head(&text, &c);
  while (ok && outcome_failure(m, &pos, &at, &reason)) ok = compose_failure(&text, m->store.envelope + at + 1, reason);
  if (ok && compose_original(&text, original, (size_t)got)) fd = memory_file(text.s, text.len);
  int e = errno;
  stralloc_free(&text);
  errno = e;
  return fd;
}

/* F, NUL, T, the sender, NUL, NUL. */
static int envelope_file(struct message const *m)
{
  stralloc text = STRALLOC_ZERO;
  char const *to = store_sender(&m->store);
  int fd = -1;
  if (stralloc_catb(&text, "F\0T", 3) && stralloc_catb(&text, to, strlen(to) + 1) && stralloc_catb(&text, "", 1))
    fd = memory_file(text.s, text.len);
  int e = errno;
  stralloc_free(&text);
  errno = e;
  return fd;
}

/* Starts the injector on the two files. Returns 0, or an error number. */
static int start(struct send const *s, int body, int envelope, pid_t *pid)
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
  int e = posix_spawn_file_actions_adddup2(&actions, body, 0);
  if (!e) e = posix_spawn_file_actions_adddup2(&actions, envelope, 1);
  if (!e) e = posix_spawnattr_setsigmask(&attr, &none);
  if (!e) e = posix_spawnattr_setsigdefault(&attr, &standard);
  if (!e) e = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char *argv[] = { (char *)s->injector, 0 };
  if (!e) e = posix_spawnp(pid, s->injector, &actions, &attr, argv, environ);
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

/* The null sender gets no answer: that would be a bounce of a bounce (RFC 5321 4.5.5). */
static void drop(struct send *s, struct message *m)
{
  size_t pos = 0;
  uint32_t at;
  char const *reason;
  struct log_line l;
  while (outcome_failure(m, &pos, &at, &reason)) {
    log_start(&l, "double-bounce");
    log_str(&l, "id", m->id);
    log_str(&l, "to", m->store.envelope + at + 1);
    log_str(&l, "text", reason);
    log_end(&l);
  }
  outcome_settle(s, m);
}

static int launch(struct send *s, struct bounce *b, struct message *m)
{
  char id[STORE_ID + 1];
  store_id(id);
  int body = body_file(s, m, id);
  int envelope = body < 0 ? -1 : envelope_file(m);
  int e = envelope < 0 ? errno : 0;
  if (!e && setenv("RELAYID", id, 1) < 0) e = errno;
  if (!e && (m->store.flags & STORE_FLAG_UTF8 ? setenv("RELAYUTF8", "1", 1) : unsetenv("RELAYUTF8")) < 0) e = errno;
  if (!e) e = start(s, body, envelope, &b->pid);
  if (body >= 0) close(body);
  if (envelope >= 0) close(envelope);
  if (e) {
    b->pid = 0;
    say("bounce-trouble", m, 0, strerror(e), 0);
    return 0;
  }
  b->message = m;
  b->since = s->now;
  say("bounce", m, id, 0, 0);
  return 1;
}

int bounce_start(struct send *s, struct message *m)
{
  if (!*store_sender(&m->store)) {
    drop(s, m);
    return 0;
  }
  for (unsigned i = 0; i < BOUNCES; i++)
    if (!s->bounce[i].pid) {
      if (launch(s, s->bounce + i, m)) return 1;
      outcome_keep(s, m);
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
    int queued = WIFEXITED(status) && !WEXITSTATUS(status);
    b->pid = 0;
    if (WIFSIGNALED(status)) say("bounce-trouble", m, 0, "crashed", WTERMSIG(status));
    else if (!queued) say("bounce-trouble", m, 0, "refused", WEXITSTATUS(status));
    message_bounced(s, m, queued);
    go_on(s);
    return 1;
  }
  return 0;
}

void bounce_sweep(struct send *s)
{
  for (unsigned i = 0; i < BOUNCES; i++)
    if (s->bounce[i].pid && s->now > s->bounce[i].since + BOUNCE_TIME) kill(s->bounce[i].pid, SIGKILL);
}

unsigned bounce_count(struct send const *s)
{
  unsigned n = 0;
  for (unsigned i = 0; i < BOUNCES; i++) n += s->bounce[i].pid != 0;
  return n + (s->bounce_first != 0);
}
