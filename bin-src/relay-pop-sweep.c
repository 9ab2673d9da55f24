/* relay-pop-sweep: removes the stamps that have expired, and what programs that died have left beside them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include "base/log.h"
#include "parse/number.h"
#include "policy/pop.h"
#include "stamp/sweep.h"
#include "table/damage.h"

#define USAGE "relay-pop-sweep [-r RULES] [-s SECONDS] [DIR]"
#define DEFAULT_DIR SPOOL_DIR "/stamps"
#define DEFAULT_RULES CONTROL_DIR "/rules.cdb"
#define GRACE 60          /* seconds that an expired stamp stays: who looks just now shall not miss what he has seen */
#define SECONDS_MOST 31536000
#define LINES 20          /* of files that are no stamps; then they are only counted */

static _Noreturn void die(char const *why, char const *error, char const *what)
{
  struct log_line l;
  log_start(&l, "failed");
  log_str(&l, "why", why);
  log_str(&l, "error", error);
  log_str(&l, "what", what);
  log_end(&l);
  _exit(111);
}

static _Noreturn void die_rules(char const *path)
{
  die("no-rules", errno == EPROTO ? "these are no rules, or damaged ones" : strerror(errno), path);
}

static int scan_seconds(int64_t *seconds, char const *s)
{
  uint64_t n;
  if (!s || number_scan(s, strlen(s), SECONDS_MOST, &n) != NUMBER_OK || !n) return 0;
  *seconds = (int64_t)n;
  return 1;
}

/* How long a stamp is fresh: as `grant pop` says. Without that line, or without any rules where nobody said that there
 * are some, as relay-ctrl's variable says: other receivers look at the same directory. */
static int64_t find_seconds(char const *rules)
{
  struct pop_grant g;
  int64_t seconds = STAMP_SECONDS;
  stralloc file = STRALLOC_ZERO;
  int told = rules && *rules;
  if (!table_path(&file, told ? rules : DEFAULT_RULES)) die("no-memory", strerror(ENOMEM), 0);
  struct table_set *t = table_open(file.s);
  if (!t && (told || errno != ENOENT)) die_rules(file.s);
  int found = t ? pop_find(&g, t) : 0;
  errno = EPROTO;
  if (found < 0) die_rules(file.s);
  if (found) seconds = g.seconds;
  else scan_seconds(&seconds, getenv("RELAY_CTRL_EXPIRY"));
  table_close(t);
  stralloc_free(&file);
  return seconds;
}

static void say_strange(void *arg, char const *name, char const *what)
{
  struct log_line l;
  unsigned *lines = arg;
  if ((*lines)++ >= LINES) return;
  log_start(&l, "ignored");
  log_str(&l, "name", name);
  log_str(&l, "error", what);
  log_end(&l);
}

static void say_end(struct sweep const *s, char const *dir)
{
  struct log_line l;
  log_start(&l, "swept");
  log_str(&l, "what", dir);
  log_num(&l, "removed", s->removed);
  log_num(&l, "kept", s->kept);
  log_num(&l, "ignored", s->ignored);
  if (s->failed) log_num(&l, "failed", s->failed);
  log_end(&l);
}

int main(int argc, char const *const *argv)
{
  unsigned lines = 0;
  struct sweep s = { .clocks = &stamp_clocks, .strange = &say_strange, .arg = &lines };
  char const *rules = getenv("RELAYRULES"), *dir = getenv("RELAY_CTRL_DIR"), *why;
  subgetopt opt = SUBGETOPT_ZERO;
  PROG = "relay-pop-sweep";
  for (int c; (c = subgetopt_r(argc, argv, "r:s:", &opt)) != -1; ) {
    if (c == 'r') rules = opt.arg;
    else if (c != 's' || !scan_seconds(&s.seconds, opt.arg)) strerr_dieusage(100, USAGE);
  }
  argv += opt.ind;
  if (argc - opt.ind > 1) strerr_dieusage(100, USAGE);
  if (*argv) dir = *argv;
  else if (!dir || !*dir) dir = DEFAULT_DIR;
  if (table_on_damage(0) < 0) die("no-signals", strerror(errno), 0);
  if (!s.seconds) s.seconds = find_seconds(rules);
  s.seconds += GRACE;
  int fd = stamp_open(dir, &why);
  if (fd < 0) die("no-directory", why, dir);
  if (stamp_sweep(&s, fd) < 0) die("not-read", strerror(errno), dir);
  say_end(&s, dir);
  return s.failed ? 111 : 0;
}
