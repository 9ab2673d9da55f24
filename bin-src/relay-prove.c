/* relay-prove: can a stranger relay? Proves for compiled rules that none can, or shows how. */
#include <fcntl.h>
#include <string.h>
#include <skalibs/buffer.h>
#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include "prove/prove.h"
#include "prove/report.h"
#include "table/damage.h"

#define USAGE "relay-prove [-q] [--json] [RULES]"
#define DEFAULT_RULES CONTROL_DIR "/rules.cdb"
#define OPEN 1

struct options {
  int quiet, json;
  char const *rules;
};

/* `--json` may stand where options do; subgetopt gets the others. */
static void options(struct options *o, int words, char const *const *word)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *argv[words + 1];
  int argc = 0, ended = 0;
  for (int i = 0; i < words; i++) {
    int json = i && !ended && !strcmp(word[i], "--json");
    ended |= i && (word[i][0] != '-' || !strcmp(word[i], "--"));
    if (json) o->json = 1;
    else argv[argc++] = word[i];
  }
  argv[argc] = 0;
  for (int c; (c = subgetopt_r(argc, argv, "q", &l)) != -1; ) {
    if (c == 'q') o->quiet = 1;
    else strerr_dieusage(100, USAGE);
  }
  if (argc - l.ind > 1) strerr_dieusage(100, USAGE);
  o->rules = argc > l.ind ? argv[l.ind] : DEFAULT_RULES;
}

static void die_nomem(void)
{
  strerr_dief1x(111, "out of memory");
}

static void report(struct options const *o, struct proof const *p, char const *sha256)
{
  stralloc out = STRALLOC_ZERO;
  int ok = o->json ? report_json(&out, p, o->rules, sha256) && stralloc_cats(&out, "\n") :
    report_text(&out, p, o->rules, sha256);
  if (!ok) die_nomem();
  if (buffer_putflush(buffer_1, out.s, out.len) < 0) strerr_diefu1sys(111, "write");
  stralloc_free(&out);
}

int main(int argc, char const *const *argv)
{
  static struct proof p;
  struct options o = { 0 };
  char sha256[REPORT_SHA256];
  stralloc path = STRALLOC_ZERO;
  PROG = "relay-prove";
  options(&o, argc, argv);
  if (table_on_damage(0) < 0) strerr_diefu1sys(111, "catch signals");
  if (!table_path(&path, o.rules)) die_nomem();
  o.rules = path.s;
  int fd = open(o.rules, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct table_set *t = fd < 0 ? 0 : table_open_fd(fd);
  if (!t) strerr_diefu2sys(111, "open ", o.rules);
  if (report_sha256(sha256, fd) < 0) strerr_diefu2sys(111, "read ", o.rules);
  if (prove(&p, t) < 0) strerr_diefu2sys(111, "look through ", o.rules);
  if (!o.quiet) report(&o, &p, sha256);
  int open = proof_openings(&p) != 0;
  proof_free(&p);
  table_close(t);
  return open ? OPEN : 0;
}
