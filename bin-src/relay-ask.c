/* relay-ask: asks the network what the rules leave to it: next hops about recipients, the DNS about mail exchangers.
 * Questions on descriptor 0, answers on descriptor 1 (ask/line.h). */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include "answer/answer.h"
#include "base/log.h"
#include "base/seconds.h"
#include "policy/limits.h"
#include "table/damage.h"
#include "table/table.h"

#define USAGE "relay-ask [-r RULES] [-l LOGINS] [-c CACHE] [-t SECONDS]"

struct options {
  char const *rules;   /* -r: path of rules.cdb */
  char const *logins;  /* -l: path of logins.cdb; null: beside rules.cdb */
  char const *cache;   /* -c */
  unsigned seconds;    /* -t: for one question */
};

static void scan_options(int argc, char const *const *argv, struct options *o)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *rules = getenv("RELAYRULES"), *cache = getenv("RELAYASKED");
  o->rules = rules && *rules ? rules : CONTROL_DIR "/rules.cdb";
  o->logins = 0;
  o->cache = cache && *cache ? cache : SPOOL_DIR "/asked";
  o->seconds = ASK_TIME;
  for (int opt; (opt = subgetopt_r(argc, argv, "r:l:c:t:", &l)) != -1;) {
    switch (opt) {
      case 'r': o->rules = l.arg; break;
      case 'l': o->logins = l.arg; break;
      case 'c': o->cache = l.arg; break;
      case 't': o->seconds = seconds_option(l.arg); break;
      default: strerr_dieusage(100, USAGE);
    }
  }
  if (l.ind < argc) strerr_dieusage(100, USAGE);
}

/* Questions to relays that want no login are answered all the same. */
static void complain(char const *path, int error)
{
  struct log_line l;
  log_start(&l, "no-logins");
  log_str(&l, "path", path ? path : "logins.cdb");
  log_str(&l, "error", strerror(error));
  log_end(&l);
}

static void open_cache(struct answerer *w, char const *path)
{
  struct log_line l;
  w->cache.yes = limit_get(w->rules, LIMIT_ASKED_YES);
  w->cache.no = limit_get(w->rules, LIMIT_ASKED_NO);
  char const *why = cache_open(&w->cache, path);
  if (!why) return;
  log_start(&l, "no-cache");
  log_str(&l, "path", path);
  log_str(&l, "error", why);
  log_end(&l);
}

int main(int argc, char const *const *argv)
{
  static struct answerer w;
  struct options o;
  PROG = "relay-ask";
  scan_options(argc, argv, &o);
  if (!fd_sanitize()) strerr_diefusys(111, "open standard descriptors"); /* or the cache could become the log */
  sig_ignore(SIGPIPE);
  sig_restore(SIGALRM);
  if (table_on_damage(0) < 0) strerr_diefusys(111, "catch signals");
  struct table_set *rules = table_open(o.rules);
  w.rules = rules;
  w.seconds = o.seconds;
  open_cache(&w, o.cache);
  /* half of the time for one wait, so that a second address of a next hop gets its chance */
  char const *trust = getenv("RELAYTRUSTAD");
  w.broken = remote_open(&w.rm, rules, getenv("DNSCACHEIP"), trust && !strcmp(trust, "1"), (o.seconds + 1) / 2);
  if (!rules) w.broken = "the rules can't be read (#4.3.5)";
  remote_logins(&w.rm, o.logins, o.rules, w.cache.slots.fd);
  if (w.rm.logins_error) complain(o.logins, w.rm.logins_error);
  int r = answer_serve(&w, 0, 1);
  if (r < 0 && errno != EPIPE && errno != ECONNRESET) strerr_diefu1sys(111, "talk to who asks");
  if (!w.broken) {
    remote_leave(&w.rm); /* who asked must not be outlived: nobody counts us when its connection is gone */
    remote_close(&w.rm);
  }
  cache_close(&w.cache);
  table_close(rules);
  return 0;
}
