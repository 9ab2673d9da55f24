/* MTA-STS for relay-remote. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "dns/txt.h"
#include "parse/number.h"
#include "remote/sts.h"

#define MARGIN 5 /* seconds that relay-mtasts gets to end on its own */

static void tell(struct remote_sts const *s, char const *event, char const *key, char const *value, char const *why)
{
  struct log_line l;
  if (s->quiet) return;
  log_start(&l, event);
  log_str(&l, key, value);
  log_str(&l, "error", why);
  log_end(&l);
}

void remote_sts_open(struct remote_sts *s, char const *dir, int named)
{
  struct stat st;
  s->dir = dir;
  s->error = access(dir, X_OK) < 0 ? errno : 0;
  if (s->error == ENOENT) {
    s->dir = 0;
    if (named) tell(s, "no-mta-sts", "path", dir, strerror(ENOENT));
  } else if (s->error) {
    tell(s, "sts-unreadable", "path", dir, strerror(s->error));
    if (!named && s->error == EACCES && stat(dir, &st) < 0) s->dir = 0; /* what it is in is closed to us */
  } else if ((s->unwritable = access(dir, W_OK) < 0)) tell(s, "sts-unwritable", "path", dir, strerror(errno));
}

void remote_sts_forget(struct remote_sts *s)
{
  s->looked = s->found = 0;
  s->broken = s->foreign = 0;
  s->fetched = STS_FETCHED;
}

struct ids {
  unsigned n;        /* records of MTA-STS, whatever they say */
  char id[STS_ID];   /* of the last; "": malformed */
};

static void take(void *arg, char const *s, size_t len)
{
  struct ids *r = arg;
  char id[STS_ID];
  int is = sts_txt_scan(id, s, len);
  if (!is) return;
  r->n++;
  strcpy(r->id, is > 0 ? id : "");
}

/* The id by the DNS. Returns 1; or 0 when there is no record, or more than one, or no answer: 3.1, 5.1. */
static int find_id(struct resolver *dns, char const *domain, char id[STS_ID])
{
  struct ids r = { .n = 0 };
  char name[DOMAIN_TEXT + 16];
  snprintf(name, sizeof name, "_mta-sts.%s", domain);
  if (strlen(name) >= DOMAIN_TEXT || txt_find(dns, name, take, &r) != DNS_FOUND || r.n != 1 || !*r.id) return 0;
  strcpy(id, r.id);
  return 1;
}

/* Starts relay-mtasts; with `end`, its other end is in relay-mtasts alone, so it is at its end when relay-mtasts is.
 * Returns 0, or an errno value. */
static int start(struct remote_sts const *s, char const *domain, char const *id, unsigned seconds, int *end, pid_t *pid)
{
  char text[NUMBER_TEXT];
  char const *const argv[] = { "relay-mtasts", "-t", text, s->dir, domain, id, 0 };
  int fd[2] = { -1, -1 };
  number_fmt(text, seconds);
  if (end && pipe2(fd, O_CLOEXEC) < 0) return errno;
  struct spawn const what = { .argv = argv, .search = 1, .fds_n = 3,
    .fds = { { -1, 0 }, { fd[1], 1 }, { s->quiet ? -1 : 2, 2 } } };
  int e = spawn_start(pid, &what);
  if (end) {
    close(fd[1]);
    if (e) close(fd[0]);
    else *end = fd[0];
  }
  return e;
}

/* Appends the policy to text, also one that could not be kept. */
static enum sts_fetched fetch(struct remote_sts const *s, char const *domain, char const *id, unsigned seconds,
  stralloc *text)
{
  int64_t until = io_now() + (int64_t)(seconds + MARGIN) * 1000;
  int end, status;
  ssize_t n;
  pid_t pid;
  char buf[4096];
  if (start(s, domain, id, seconds, &end, &pid)) return STS_OURS;
  while ((n = io_read(end, buf, sizeof buf, until)) > 0)
    if (text->len + (size_t)n > STS_ENTRY_MOST || !stralloc_catb(text, buf, (size_t)n)) break;
  if (n) kill(pid, SIGKILL);
  close(end);
  while (waitpid(pid, &status, 0) < 0) if (errno != EINTR) return STS_OURS;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : STS_OURS;
  return code == STS_FETCHED || code == STS_INVALID || code == STS_UNTRUSTED || code == STS_NOT_FETCHED
    ? (enum sts_fetched)code : STS_OURS;
}

/* Nobody waits for that: what is kept is good, and stays good for a while. */
static void renew(struct remote_sts *s, char const *domain, char const *id, unsigned seconds)
{
  if (s->unwritable) return;
  if (s->renewing && waitpid(s->renewing, 0, WNOHANG) == 0) return;
  if (start(s, domain, id, seconds, 0, &s->renewing)) s->renewing = 0;
}

/* Does what is in s->entry count? What comes from the future was fetched under a wrong clock, and might count for
 * years: it does while it has the id of the TXT record. */
static int counts(struct remote_sts const *s, char const *id)
{
  int64_t now = (int64_t)time(0);
  return sts_entry_good(&s->entry, now) && (!sts_entry_ahead(&s->entry, now) || !strcmp(s->entry.id, id));
}

/* A file that is damaged is none; one that can't be read may have anything in it. */
static int is_kept(struct remote_sts *s, char const *domain, char const *id)
{
  int r = sts_cache_read(s->dir, domain, &s->entry), e = errno;
  if (r < 0) tell(s, "sts-unreadable", "domain", domain, e == EPROTO ? "damaged" : strerror(e));
  if (r < 0 && e != EPROTO) s->broken = " can't be read (#4.3.0)";
  return r == 1 && counts(s, id);
}

static void look(struct remote_sts *s, struct resolver *dns, char const *domain, unsigned seconds)
{
  stralloc text = STRALLOC_ZERO;
  char id[STS_ID] = "";
  s->looked = 1;
  s->broken = s->error ? " can't be read (#4.3.0)" : 0;
  if (s->broken) return;
  int record = find_id(dns, domain, id);
  s->found = is_kept(s, domain, id) ? 1 : 0;
  if (s->broken || !record) return; /* what is kept stays in force: 5.1 */
  if (s->found && !strcmp(s->entry.id, id)) {
    if (sts_entry_old(&s->entry, (int64_t)time(0))) renew(s, domain, id, seconds);
    return;
  }
  s->fetched = fetch(s, domain, id, seconds, &text);
  int fresh = text.len && sts_entry_scan(&s->entry, text.s, text.len);
  s->found = (fresh ? counts(s, id) : is_kept(s, domain, id)) ? 1 : 0;
  if (s->fetched == STS_OURS && !fresh && !s->found) s->broken = " can't be fetched (#4.3.0)";
  stralloc_free(&text);
}

int remote_sts_find(struct remote_sts *s, struct resolver *dns, char const *domain, unsigned seconds)
{
  if (!s->dir) return 0;
  if (!s->looked) look(s, dns, domain, seconds);
  if (s->broken) return -1;
  return s->found && s->entry.policy.mode != STS_NONE;
}

int remote_sts_demand(struct remote_sts const *s, char const *host, struct tls_demand *d)
{
  struct sts_policy const *p = &s->entry.policy;
  int matches = sts_policy_match(p, host);
  if (p->mode == STS_ENFORCE) {
    d->level = TLS_VERIFY;
    d->check = TLS_CHECK_CA;
  } else if (matches && d->level == TLS_MAY) d->trial = 1;
  else return matches;
  d->source = TLS_BY_STS;
  d->names_n = 0;
  demand_name(d, host); /* the certificate's: 4.1 */
  return matches;
}

void remote_sts_free(struct remote_sts *s)
{
  sts_entry_free(&s->entry);
}
