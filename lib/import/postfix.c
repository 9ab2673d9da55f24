/* Postfix: main.cf and what it names; the parameters that are numbers, and those that can't be carried over. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "import/postfix.h"

/* A number; of a time, whose own unit is `time` seconds, perhaps with another one behind it. */
static int number(struct text t, unsigned time, uint64_t *value)
{
  static char const units[] = "smhdw";
  static uint64_t const seconds[] = { 1, 60, 3600, 86400, 604800 };
  char const *unit = time && t.n ? memchr(units, t.s[t.n - 1], 5) : 0;
  if (unit) t.n--;
  if (!import_number(t, value)) return 0;
  *value *= unit ? seconds[unit - units] : time ? time : 1;
  return 1;
}

void postfix_limits(struct postfix *p)
{
  static struct { char const *name, *limit; unsigned time; } const rows[] = {
    { "message_size_limit", "size", 0 },
    { "smtpd_recipient_limit", "recipients", 0 },
    { "smtpd_hard_error_limit", "errors", 0 },
    { "smtpd_timeout", "command-time", 1 },
    { "hopcount_limit", "hops", 0 },
    { "maximal_queue_lifetime", "queue-time", 86400 },
    { "delay_warning_time", "warn-time", 3600 },
    { "default_destination_concurrency_limit", "destination", 0 },
  };
  stralloc value = STRALLOC_ZERO;
  uint64_t n;
  if (!postfix_set(p, "message_size_limit"))
    import_limit(p->x, "size", (struct place){ "main.cf", 0 }, 10240000); /* its default */
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct place from = postfix_place(p, rows[i].name);
    if (!postfix_set(p, rows[i].name) || !postfix_get(p, rows[i].name, &value)) continue;
    struct text t = text_trim((struct text){ value.s, value.len });
    if (number(t, rows[i].time, &n)) import_limit(p->x, rows[i].limit, from, n);
    else import_left(p->x, from, "%s: no number: %.*s", rows[i].name, SHOWN(t));
  }
  stralloc_free(&value);
}

static void read_me(struct postfix *p)
{
  stralloc value = STRALLOC_ZERO;
  char name[DOMAIN_TEXT];
  struct place from = postfix_place(p, "myhostname");
  if (!postfix_set(p, "myhostname")) {
    import_left(p->x, from, "myhostname is not set, and Postfix asks its host: put the name into `me`");
  } else if (postfix_get(p, "myhostname", &value)) {
    struct text t = text_trim((struct text){ value.s, value.len });
    if (domain_canon(name, t.s, t.n)) import_line(p->x, IMPORT_ME, "", 0, from, 0, "%s", name);
    else import_left(p->x, from, "myhostname is no domain: %.*s", SHOWN(t));
  }
  stralloc_free(&value);
}

/* config_directory, and where the other host's root would be if dir is that directory. */
static void find_root(struct postfix *p)
{
  stralloc value = STRALLOC_ZERO;
  char real[PATH_MAX];
  if (maincf_get(&p->main, "config_directory", &value) <= 0) value.len = 0;
  while (value.len && value.s[value.len - 1] == '/') value.len--;
  postfix_done(p, "config_directory");
  if (!stralloc_copyb(&p->config, value.s, value.len) || !stralloc_0(&p->config)) p->x->broken = ENOMEM;
  size_t n = realpath(p->dir, real) ? strlen(real) : 0;
  if (value.len && n >= value.len && !memcmp(real + n - value.len, value.s, value.len)) {
    p->rooted = 1;
    if (!stralloc_copyb(&p->root, real, n - value.len)) p->x->broken = ENOMEM;
  }
  if (!stralloc_0(&p->root)) p->x->broken = ENOMEM;
  stralloc_free(&value);
}

static void wrong_line(void *arg, uint32_t line, struct text what)
{
  import_left(arg, (struct place){ "main.cf", line }, "no `name = value`: %.*s", SHOWN(what));
}

static void read_all(struct postfix *p)
{
  static char const head[] = "Imported from Postfix; # names the file and line that each comes from.";
  for (size_t i = 0; i < IMPORT_COUNT; i++) if (i != IMPORT_LOGINS) import_comment(p->x, i, "%s", head);
  find_root(p);
  read_me(p);
  postfix_overrides(p);
  postfix_domains(p);
  postfix_recipients(p);
  postfix_aliases(p);
  postfix_deserted(p);
  postfix_tls(p);
  postfix_routes(p);
  postfix_logins(p);
  postfix_grants(p);
  postfix_networks(p);
  postfix_limits(p);
  postfix_others(p);
}

static void release(struct postfix *p)
{
  maincf_free(&p->main);
  names_free(&p->class);
  names_free(&p->peopled);
  names_free(&p->done);
  names_free(&p->overridden);
  stralloc_free(&p->config);
  stralloc_free(&p->root);
  stralloc_free(&p->local);
  stralloc_free(&p->hosted);
  stralloc_free(&p->tls);
}

int import_postfix(struct import *x, char const *dir)
{
  struct postfix p = { .x = x, .dir = dir };
  struct source f;
  int r = source_open(x, &f, dir, "main.cf");
  if (r > 0) {
    if (maincf_read(&p.main, &f, wrong_line, x) < 0) x->broken = ENOMEM;
    else read_all(&p);
  }
  source_close(&f);
  release(&p);
  return x->broken ? errno = x->broken, -1 : r;
}
