/* relay-explain: why the rules accept or refuse a recipient, what came close, and which change would turn it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <skalibs/buffer.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include "explain/ask.h"
#include "explain/explain.h"
#include "explain/matrix.h"
#include "facts/options.h"
#include "rules/neighbours.h"
#include "table/damage.h"

#define USAGE "relay-explain [--rules RULES] [--json] [--ask] --to ADDRESS FACT... | --log [LINE] | --matrix FACT..."
#define DEFAULT_RULES CONTROL_DIR "/rules.cdb"
#define LINE_MAX_BYTES 65536 /* of a line on standard input; longer ones are none of relay-smtpd's */

struct options {
  char const *rules, *line;    /* line: behind --log; null: they are read */
  unsigned json : 1, ask : 1, matrix : 1, log : 1;
};

static struct question q;
static struct explanation x = EXPLANATION_ZERO;
static struct matrix matrix;
static struct neighbours around;
static struct table_set *rules;
static stralloc out = STRALLOC_ZERO;

static _Noreturn void usage(char const *why, char const *what)
{
  strerr_dief5x(100, what, *what ? " " : "", why, "; usage: ", USAGE);
}

static _Noreturn void die_memory(void)
{
  errno = ENOMEM;
  strerr_diefu1sys(111, "explain");
}

static void options(struct options *o, char const *const *argv)
{
  char const *why;
  question_init(&q);
  for (int n; *argv; argv += n) {
    n = 1;
    if (!strcmp(*argv, "--json")) o->json = 1;
    else if (!strcmp(*argv, "--ask")) o->ask = 1;
    else if (!strcmp(*argv, "--matrix")) o->matrix = 1;
    else if (!strcmp(*argv, "--log")) o->log = 1;
    else if (!strncmp(*argv, "--rules=", 8)) o->rules = *argv + 8;
    else if ((!strcmp(*argv, "--rules") || !strcmp(*argv, "-r")) && argv[1]) o->rules = argv[1], n = 2;
    else if (o->log && !o->line && **argv != '-') o->line = *argv;
    else if (!(n = question_option(&q, argv, &why))) usage("is not understood", *argv);
    else if (n < 0) usage(why, *argv);
  }
  if ((why = question_finish(&q))) usage(why, "");
  if (o->log && (q.options || o->matrix)) usage("takes no facts: the line has them", "--log");
  if (o->matrix && o->ask) usage("asks nobody", "--matrix");
  if (!o->log && !o->matrix && !q.has_recipient) usage("is missing: who gets the mail?", "--to");
}

static void write_out(void)
{
  if (buffer_put(buffer_1, out.s, out.len) < 0 || !buffer_flush(buffer_1)) strerr_diefu1sys(111, "write");
  out.len = 0;
}

/* Writes what is explained. Returns the exit status. */
static int explain_one(struct options const *o, struct logged const *l, struct ask *ask)
{
  struct json j = JSON_START(&out);
  char text[ASK_TEXT] = "";
  if (o->ask) ask_network(&q, rules, ask, text);
  explain(&x, &q, rules, &around);
  if (x.broken) {
    errno = x.broken;
    strerr_diefu1sys(111, "explain");
  }
  if (o->json) explain_json(&j, &x, &q, l);
  if (j.failed || (!o->json && !explain_text(&out, &x, &q, l))) die_memory();
  if (*text && !o->json && !(stralloc_cats(&out, "relay-ask   ") && stralloc_cats(&out, text) && stralloc_cats(&out,
    "\n")))
    die_memory();
  if (o->json && !stralloc_cats(&out, "\n")) die_memory();
  write_out();
  return explain_status(x.outcome.decision.verdict);
}

/* One line of the log. Returns the exit status, or -1 when it is none that can be explained; one that can't be read is
 * told of. */
static int explain_line(struct options const *o, char const *line, size_t n, struct ask *ask)
{
  struct logged l;
  char const *why;
  switch (question_log(&q, &l, line, n, &why)) {
    case LOGGED_OK: return explain_one(o, &l, ask);
    case LOGGED_BAD: strerr_warnw2x("a line of relay-smtpd is left out: ", why); break;
    case LOGGED_OTHER: break;
  }
  return -1;
}

/* The lines of standard input; what is longer than a line can be is passed over. */
static int explain_lines(struct options const *o, struct ask *ask)
{
  static char line[LINE_MAX_BYTES];
  size_t n = 0;
  int worst = -1;
  for (int c = 0; c != EOF; ) {
    c = getc_unlocked(stdin);
    if (c != '\n' && c != EOF) {
      if (n < sizeof line) line[n] = (char)c;
      n++;
      continue;
    }
    if (n && n <= sizeof line) {
      if (worst >= 0 && !o->json && !stralloc_cats(&out, "\n")) die_memory();
      int r = explain_line(o, line, n, ask);
      if (r < 0) out.len = 0;
      if (r > worst) worst = r;
    }
    n = 0;
  }
  if (ferror(stdin)) strerr_diefu1sys(111, "read standard input");
  return worst;
}

static int explain_log(struct options const *o, struct ask *ask)
{
  int r = o->line ? explain_line(o, o->line, strlen(o->line), ask) : explain_lines(o, ask);
  if (r < 0) strerr_dief1x(100, "no line of relay-smtpd about a recipient, or a sender that the login may not use");
  return r;
}

static int show_matrix(struct options const *o)
{
  struct json j = JSON_START(&out);
  matrix_fill(&matrix, &q, rules);
  if (o->json) matrix_json(&j, &matrix);
  if (j.failed || !(o->json ? stralloc_cats(&out, "\n") : matrix_text(&out, &matrix))) die_memory();
  write_out();
  return 0;
}

int main(int argc, char const *const *argv)
{
  struct options o = { .rules = getenv("RELAYRULES") };
  struct ask ask;
  stralloc path = STRALLOC_ZERO;
  PROG = "relay-explain";
  options(&o, argv + (argc > 0));
  if (!o.rules || !*o.rules) o.rules = DEFAULT_RULES;
  if (table_on_damage(0) < 0) strerr_diefu1sys(111, "catch signals");
  if (!sig_ignore(SIGPIPE)) strerr_diefu1sys(111, "ignore signals");
  if (!table_path(&path, o.rules)) die_memory();
  o.rules = path.s;
  rules = table_open(o.rules);
  if (!rules) strerr_diefu2sys(111, "open ", o.rules);
  neighbours_find(&around);
  ask_init(&ask, o.rules);
  int status = o.matrix ? show_matrix(&o) : o.log ? explain_log(&o, &ask) : explain_one(&o, 0, &ask);
  ask_close(&ask);
  return status;
}
