/* relay-mtasts: fetches a domain's MTA-STS policy (RFC 8461) into relay-remote's cache. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include "base/io.h"
#include "base/log.h"
#include "base/seconds.h"
#include "dns/addr.h"
#include "dns/self.h"
#include "fetch/fetch.h"

#define USAGE "relay-mtasts [-t SECONDS] [-c CAFILE] [-a ADDRESS:PORT] DIR DOMAIN ID"
#define PATIENCE 60 /* seconds for all; RFC 8461 3.3 */

struct options {
  char const *ca;         /* -c */
  char const *instead;    /* -a */
  unsigned seconds;       /* -t */
  char const *dir;
  char domain[DOMAIN_TEXT];
  char const *id;
};

static void scan_options(int argc, char const *const *argv, struct options *o)
{
  subgetopt l = SUBGETOPT_ZERO;
  struct ip ip;
  uint16_t port;
  *o = (struct options){ .seconds = PATIENCE, .ca = getenv("SSL_CERT_FILE") };
  for (int opt; (opt = subgetopt_r(argc, argv, "a:c:t:", &l)) != -1;) {
    switch (opt) {
      case 'a': o->instead = l.arg; break;
      case 'c': o->ca = l.arg; break;
      case 't': o->seconds = seconds_option(l.arg); break;
      default: strerr_dieusage(100, USAGE);
    }
  }
  if (o->instead && !resolver_server(&ip, &port, o->instead)) strerr_dieusage(100, USAGE);
  if (argc - l.ind != 3) strerr_dieusage(100, USAGE);
  argv += l.ind;
  o->dir = argv[0];
  o->id = argv[2];
  if (!domain_canon(o->domain, argv[1], strlen(argv[1])) || !sts_id_ok(o->id, strlen(o->id)))
    strerr_dieusage(100, USAGE);
  if (o->ca && !*o->ca) o->ca = 0;
}

static int64_t wall(void)
{
  return (int64_t)time(0);
}

/* The addresses of mta-sts.DOMAIN, by the resolver that relay-remote asks. Returns null, or why there are none, with
 * *how. */
static char const *look_up(struct address_list *at, char const *domain, int64_t deadline, enum sts_fetched *how)
{
  struct resolver dns;
  struct self self;
  char host[DOMAIN_TEXT + 8] = "mta-sts.";
  *how = STS_NOT_FETCHED;
  strcat(host, domain);
  if (strlen(host) >= DOMAIN_TEXT) return "the name is too long";
  *how = STS_OURS;
  memset(&self, 0, sizeof self);
  if (self_load(&self) < 0) return "this machine's addresses can't be read";
  int v6 = self.v6;
  self_free(&self);
  if (resolver_init(&dns, getenv("DNSCACHEIP"), 0) < 0) return "the resolver can't be set up";
  *how = STS_NOT_FETCHED;
  dns.deadline = deadline;
  enum dns_state s = addr_find(&dns, host, v6, at);
  resolver_free(&dns);
  if (s == DNS_FOUND && at->n) return 0;
  return s == DNS_FAILED ? "the DNS gives no answer" : "there is no address of its server";
}

static void tell(struct options const *o, struct sts_entry const *e, enum sts_fetched how, char const *why)
{
  struct log_line l;
  log_start(&l, how == STS_FETCHED ? "sts-policy" : "sts-failed");
  log_str(&l, "domain", o->domain);
  log_str(&l, "id", o->id);
  if (how == STS_FETCHED) {
    log_str(&l, "mode", sts_mode_word(e->policy.mode));
    log_num(&l, "max-age", e->policy.max_age);
  } else {
    if (how != STS_OURS) log_str(&l, "result", how == STS_INVALID ? "sts-policy-invalid"
      : how == STS_UNTRUSTED ? "sts-webpki-invalid" : "sts-policy-fetch-error");
    log_str(&l, "error", why);
  }
  log_end(&l);
}

/* `lock`: why there is none, if it is negative: then nothing is written, since others might write as well. */
static enum sts_fetched keep(struct options const *o, struct sts_entry const *e, int lock, char why[FETCH_WHY])
{
  if (lock < 0) errno = -lock;
  else if (sts_cache_write(o->dir, o->domain, e) == 0) return STS_FETCHED;
  snprintf(why, FETCH_WHY, "the policy can't be kept in %s: %s", o->dir, strerror(errno));
  return STS_OURS;
}

/* Fetches, reads and keeps it; `text` gets it in any case. */
static enum sts_fetched renew(struct options const *o, struct sts_entry *e, int lock, int64_t deadline,
  char why[FETCH_WHY], stralloc *text)
{
  struct address_list at;
  stralloc body = STRALLOC_ZERO;
  struct fetch f = { .domain = o->domain, .at = &at, .instead = o->instead, .ca = o->ca };
  enum sts_fetched how = STS_NOT_FETCHED;
  char const *wrong = o->instead ? 0 : look_up(&at, o->domain, deadline, &how);
  f.milliseconds = (long)(deadline - io_now());
  if (!wrong && f.milliseconds <= 0) wrong = "no time left";
  if (!wrong) how = fetch(&f, &body, why);
  if (!wrong && how == STS_FETCHED) {
    wrong = sts_policy_scan(&e->policy, body.s, body.len);
    if (wrong) how = STS_INVALID;
  }
  if (wrong) strcpy(why, wrong);
  stralloc_free(&body);
  if (how != STS_FETCHED) return how;
  strcpy(e->id, o->id);
  e->fetched = wall();
  e->ends = e->fetched + e->policy.max_age;
  if (!sts_entry_fmt(text, e)) text->len = 0;
  return keep(o, e, lock, why);
}

/* Under the lock, if it can be had: somebody else may have done it while we waited. */
static enum sts_fetched work(struct options const *o, int lock, int64_t deadline, stralloc *text)
{
  static struct sts_entry e = STS_ENTRY_ZERO;
  char why[FETCH_WHY];
  int64_t now = wall();
  if (sts_cache_read(o->dir, o->domain, &e) == 1 && !strcmp(e.id, o->id) && sts_entry_good(&e, now)
    && !sts_entry_old(&e, now)) return sts_entry_fmt(text, &e), STS_FETCHED;
  enum sts_fetched how = sts_failed_before(lock, o->id, now);
  if (how != STS_FETCHED) return how;
  how = renew(o, &e, lock, deadline, why, text);
  sts_note(lock, o->id, how);
  tell(o, &e, how, why);
  if (how == STS_FETCHED) sts_sweep(o->dir, now);
  sts_entry_free(&e);
  return how;
}

int main(int argc, char const *const *argv)
{
  struct options o;
  stralloc text = STRALLOC_ZERO;
  PROG = "relay-mtasts";
  scan_options(argc, argv, &o);
  if (!fd_sanitize()) strerr_diefusys(111, "open standard descriptors");
  sig_ignore(SIGPIPE);
  int64_t deadline = io_now() + (int64_t)o.seconds * 1000;
  int lock = sts_lock(o.dir, o.domain, deadline);
  if (lock < 0) lock = -errno;
  if (lock == -ETIMEDOUT) return tell(&o, 0, STS_NOT_FETCHED, "others hold its lock"), STS_NOT_FETCHED;
  if (!fetch_begin()) return tell(&o, 0, STS_OURS, "libcurl can't be set up"), STS_OURS;
  enum sts_fetched how = work(&o, lock, deadline, &text);
  fetch_end();
  if (lock >= 0) close(lock);
  io_write_file(1, text.s, text.len); /* perhaps all that is left of it */
  return (int)how;
}
