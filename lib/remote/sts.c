/* MTA-STS for relay-remote. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/io.h"
#include "base/spawn.h"
#include "dns/txt.h"
#include "parse/number.h"
#include "remote/sts.h"

#define MARGIN 5 /* seconds that relay-mtasts gets to end on its own */

int remote_sts_open(struct remote_sts *s, char const *dir)
{
  s->dir = 0;
  if (access(dir, R_OK | W_OK | X_OK) < 0) return -1;
  s->dir = dir;
  return 0;
}

void remote_sts_forget(struct remote_sts *s)
{
  s->looked = s->found = 0;
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

static enum sts_fetched fetch(struct remote_sts const *s, char const *domain, char const *id, unsigned seconds)
{
  int end, status;
  pid_t pid;
  char c;
  if (start(s, domain, id, seconds, &end, &pid)) return STS_NOT_FETCHED;
  if (io_read(end, &c, 1, io_now() + (int64_t)(seconds + MARGIN) * 1000) != 0) kill(pid, SIGKILL);
  close(end);
  while (waitpid(pid, &status, 0) < 0) if (errno != EINTR) return STS_NOT_FETCHED;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : STS_NOT_FETCHED;
  return code == STS_FETCHED || code == STS_INVALID || code == STS_UNTRUSTED ? (enum sts_fetched)code : STS_NOT_FETCHED;
}

/* Nobody waits for that: what is kept is good, and stays good for a while. */
static void renew(struct remote_sts *s, char const *domain, char const *id, unsigned seconds)
{
  if (s->renewing && waitpid(s->renewing, 0, WNOHANG) == 0) return;
  if (start(s, domain, id, seconds, 0, &s->renewing)) s->renewing = 0;
}

static int is_kept(struct remote_sts *s, char const *domain)
{
  return sts_cache_read(s->dir, domain, &s->entry) == 1 && sts_entry_good(&s->entry, (int64_t)time(0));
}

static void look(struct remote_sts *s, struct resolver *dns, char const *domain, unsigned seconds)
{
  char id[STS_ID];
  s->looked = 1;
  s->found = is_kept(s, domain) ? 1 : 0;
  if (!find_id(dns, domain, id)) return; /* what is kept stays in force: 5.1 */
  if (s->found && !strcmp(s->entry.id, id)) {
    if (sts_entry_old(&s->entry, (int64_t)time(0))) renew(s, domain, id, seconds);
    return;
  }
  s->fetched = fetch(s, domain, id, seconds);
  s->found = is_kept(s, domain) ? 1 : 0;
}

int remote_sts_find(struct remote_sts *s, struct resolver *dns, char const *domain, unsigned seconds)
{
  if (!s->dir) return 0;
  if (!s->looked) look(s, dns, domain, seconds);
  return s->found && s->entry.policy.mode != STS_NONE;
}

int remote_sts_demand(struct remote_sts const *s, char const *host, struct tls_demand *d)
{
  struct sts_policy const *p = &s->entry.policy;
  d->source = TLS_BY_STS;
  d->names_n = 0;
  demand_name(d, host); /* the certificate's: 4.1 */
  if (p->mode == STS_ENFORCE) {
    d->level = TLS_VERIFY;
    d->check = TLS_CHECK_CA;
  } else d->trial = 1;
  return sts_policy_match(p, host);
}

void remote_sts_free(struct remote_sts *s)
{
  sts_entry_free(&s->entry);
}
