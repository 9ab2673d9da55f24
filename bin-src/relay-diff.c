/* relay-diff: who gains and who loses between two compiled rules; which logged decisions would be others. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <skalibs/buffer.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include "diff/diff.h"
#include "diff/replay.h"
#include "table/damage.h"

#define USAGE "relay-diff [--json] [--short] OLD NEW | relay-diff [--json] [--short] --log FILE [OLD] NEW"
#define SHORT 10    /* members of a list with --short */
#define DIFFERENT 1

struct options {
  unsigned json : 1, brief : 1;
  char const *log;
  char const *rules[2];
  unsigned n;
};

static _Noreturn void usage(void)
{
  strerr_dieusage(100, USAGE);
}

static void options(struct options *o, char const *const *argv)
{
  int ended = 0;
  for (argv++; *argv; argv++) {
    if (ended || **argv != '-') {
      if (o->n == 2) usage();
      o->rules[o->n++] = *argv;
    } else if (!strcmp(*argv, "--")) ended = 1;
    else if (!strcmp(*argv, "--json")) o->json = 1;
    else if (!strcmp(*argv, "--short")) o->brief = 1;
    else if (!strcmp(*argv, "--log") && argv[1] && !o->log) o->log = *++argv;
    else usage();
  }
  if (o->n != 2 && !(o->log && o->n == 1)) usage();
}

static struct table_set *open_rules(char const *path)
{
  stralloc file = STRALLOC_ZERO;
  if (!table_path(&file, path)) strerr_diefu1sys(111, "get memory");
  struct table_set *t = table_open(file.s);
  if (!t && errno == EPROTO) strerr_dief2x(111, file.s,
      ": these are no rules, or those of another version, or damaged");
  if (!t) strerr_diefu2sys(111, "open ", file.s);
  stralloc_free(&file);
  return t;
}

static void print(stralloc *out, int json)
{
  if (json && !stralloc_cats(out, "\n")) strerr_diefu1sys(111, "get memory");
  if (out->len && buffer_putflush(buffer_1, out->s, out->len) < 0) strerr_diefu1sys(111, "write");
}

static int compare(struct options const *o, struct table_set *old, struct table_set *new)
{
  struct diff d;
  stralloc out = STRALLOC_ZERO;
  if (diff_make(&d, old, new) < 0 || (o->json ? diff_json(&out, &d) : diff_text(&out, &d, o->brief ? SHORT : 0)) < 0) {
    if (errno == EPROTO) strerr_dief1x(111, "the rules are damaged");
    strerr_diefu1sys(111, "compare the rules");
  }
  print(&out, o->json);
  int code = genalloc_len(struct diff_line, &d.lines) ? DIFFERENT : 0;
  diff_free(&d);
  stralloc_free(&out);
  return code;
}

static int replay(struct options const *o, struct table_set *old, struct table_set *new)
{
  struct replay r = REPLAY_ZERO;
  stralloc out = STRALLOC_ZERO;
  FILE *f = strcmp(o->log, "-") ? fopen(o->log, "re") : stdin;
  if (!f) strerr_diefu2sys(111, "open ", o->log);
  r.old = old;
  r.new = new;
  if (replay_file(&r, f) < 0) strerr_diefu2sys(111, "read ", o->log);
  if ((o->json ? replay_json(&out, &r) : replay_text(&out, &r, o->brief ? SHORT : 0)) < 0)
    strerr_diefu1sys(111, "get memory");
  print(&out, o->json);
  fclose(f);
  replay_free(&r);
  stralloc_free(&out);
  return r.changed ? DIFFERENT : 0;
}

int main(int argc, char const *const *argv)
{
  struct options o = { 0 };
  PROG = "relay-diff";
  (void)argc;
  options(&o, argv);
  if (table_on_damage(0) < 0) strerr_diefu1sys(111, "catch signals");
  struct table_set *first = open_rules(o.rules[0]), *second = o.n == 2 ? open_rules(o.rules[1]) : 0;
  int code = !o.log ? compare(&o, first, second) : replay(&o, second ? first : 0, second ? second : first);
  table_close(first);
  table_close(second);
  return code;
}
