/* qmail: the control files one by one. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "import/qmail.h"

int qmail_open(struct qmail *q, struct source *f, char const *name)
{
  return source_open(q->x, f, q->dir, name);
}

int qmail_line(struct source *f, struct text *line)
{
  while (source_line(f, line)) {
    while (line->n && memchr(" \t\r", line->s[line->n - 1], 3)) line->n--;
    if (line->n && *line->s != '#') return 1;
  }
  return 0;
}

/* The first line of a file that holds one word. Returns 1, or 0. */
static int first_line(struct qmail *q, struct source *f, char const *name, struct text *t)
{
  if (qmail_open(q, f, name) <= 0 || !source_line(f, t)) return 0;
  while (t->n && memchr(" \t\r", t->s[t->n - 1], 3)) t->n--;
  return t->n > 0;
}

static void read_me(struct qmail *q)
{
  struct source f;
  struct text t;
  char name[DOMAIN_TEXT];
  if (!first_line(q, &f, "me", &t))
    import_left(q->x, (struct place){ "me", 0 }, "no name in it: put this host's name into `me`");
  else if (!domain_canon(name, t.s, t.n)) import_left(q->x, source_place(&f), "no domain: %.*s", SHOWN(t));
  else import_line(q->x, IMPORT_ME, "", 0, source_place(&f), 0, "%s", name);
  source_close(&f);
}

/* Numbers: qmail's file, our limit. */
static struct { char const *file, *limit; uint64_t most; } const numbers[] = {
  { "databytes", "size", UINT32_MAX },
  { "concurrencyremote", "concurrency", 255 }, /* qmail takes no more, unless conf-spawn was changed */
  { "queuelifetime", "queue-time", UINT32_MAX },
  { "timeoutsmtpd", "command-time", UINT32_MAX },
};

static void read_numbers(struct qmail *q)
{
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct source f;
    struct text t;
    uint64_t value;
    if (first_line(q, &f, numbers[i].file, &t)) {
      if (!import_number(t, &value)) import_left(q->x, source_place(&f), "no number: %.*s", SHOWN(t));
      else import_limit(q->x, numbers[i].limit, source_place(&f), value < numbers[i].most ? value : numbers[i].most);
    } else if (!i && !f.s) {
      import_note(q->x, (struct place){ "databytes", 0 },
                  "missing: qmail takes messages of any size; ours end at the default of `size` in `limits`");
    }
    source_close(&f);
  }
}

/* The super-server's rules: where they are is up to whoever wrote the run file; only inside the directory is looked. */
static void read_clients(struct qmail *q)
{
  static char const *const names[] = { "tcp.smtp", "etc/tcp.smtp", "control/tcp.smtp" };
  struct source f = { .s = 0 };
  int found = 0;
  for (size_t i = 0; i < 3 && !found && !q->x->broken; i++) found = source_open(q->x, &f, q->base, names[i]);
  if (found > 0) q->relayclient = import_rules(q->x, &f) > 0;
  else if (!found)
    import_left(q->x, (struct place){ "tcp.smtp", 0 },
                "not in this directory, so `clients` trusts nobody: the file that tcprules "
                "reads is imported by `relay-import tcprules FILE`");
  source_close(&f);
}

static struct { char const *file, *why; } const known[] = {
  { "me", 0 }, { "rcpthosts", 0 }, { "morercpthosts", 0 }, { "morercpthosts.cdb", 0 }, { "locals", 0 },
  { "virtualdomains", 0 }, { "smtproutes", 0 }, { "databytes", 0 }, { "concurrencyremote", 0 }, { "queuelifetime", 0 },
  { "timeoutsmtpd", 0 }, { "tcp.smtp", 0 }, { "tcp.smtp.cdb", 0 },
  { "badmailfrom", "senders are not refused by their address here" },
  { "badmailto", "`deny to ADDRESS` in `relay` refuses recipients" },
  { "badrcptto", "`deny to ADDRESS` in `relay` refuses recipients" },
  { "percenthack", "a recipient with % is never accepted here, so nothing is sent on by it" },
  { "localiphost", "mail to an address in brackets is ours only if the address is in `domains`" },
  { "smtpgreeting", "we greet with the name in `me`" },
  { "helohost", "we say the name in `me`" },
  { "timeoutremote", "relay-remote -t bounds each wait" },
  { "timeoutconnect", "relay-remote -t bounds each wait" },
};

static void judge(struct qmail *q, char const *name)
{
  static char const unknown[] = "nothing here is the like";
  struct place at = { name, 0 };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(name, known[i].file)) continue;
    if (known[i].why) import_left(q->x, at, "%s", known[i].why);
    return;
  }
  import_left(q->x, at, "%s", unknown);
}

static int by_name(void const *a, void const *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All other files of the control directory, sorted. */
static void list_others(struct qmail *q)
{
  genalloc names = GENALLOC_ZERO;
  struct dirent *e;
  struct stat st;
  char *copy;
  DIR *d = opendir(q->dir);
  if (!d) {
    q->x->broken = errno;
    return;
  }
  while (!q->x->broken && (e = readdir(d))) {
    if (*e->d_name == '.' || !import_path(q->x, q->dir, e->d_name)) continue;
    if (stat(q->x->path.s, &st) < 0 || !S_ISREG(st.st_mode)) continue;
    if (!(copy = strdup(e->d_name)) || !genalloc_append(char *, &names, &copy)) q->x->broken = ENOMEM;
  }
  closedir(d);
  size_t n = genalloc_len(char *, &names);
  char **s = genalloc_s(char *, &names);
  if (n) qsort(s, n, sizeof *s, by_name);
  for (size_t i = 0; i < n; i++) {
    judge(q, s[i]);
    free(s[i]);
  }
  genalloc_free(char *, &names);
}

static void grants(struct qmail *q)
{
  struct place from = { "tcp.smtp", 0 };
  if (q->relayclient) import_line(q->x, IMPORT_RELAY, "grant clients", 13, from, 0, "grant clients");
  else import_comment(q->x, IMPORT_RELAY, "no rule of tcp.smtp sets RELAYCLIENT: nobody may relay");
}

static void read_all(struct qmail *q)
{
  static char const head[] = "Imported from qmail; # names the file and line that each comes from.";
  for (size_t i = 0; i < IMPORT_COUNT; i++)
    if (i != IMPORT_RECIPIENTS && i != IMPORT_ALIASES && i != IMPORT_LOGINS) import_comment(q->x, i, "%s", head);
  read_me(q);
  qmail_domains(q);
  qmail_routes(q);
  read_numbers(q);
  read_clients(q);
  grants(q);
  list_others(q);
  if (q->local)
    import_note(q->x, (struct place){ "locals", 0 },
                "%u of the domains (locals, virtualdomains) qmail delivers itself; here "
                "there are no mailboxes: each needs a line in `routes` that names the host with its mailboxes",
                q->local);
}

int import_qmail(struct import *x, char const *dir)
{
  struct qmail q = { .x = x, .base = dir };
  stralloc control = STRALLOC_ZERO;
  struct stat st;
  if (!stralloc_cats(&control, dir) || !stralloc_cats(&control, "/control") || !stralloc_0(&control))
    return errno = ENOMEM, -1;
  q.dir = !stat(control.s, &st) && S_ISDIR(st.st_mode) ? control.s : dir;
  int there = import_path(x, q.dir, "me") && !stat(x->path.s, &st);
  if (!there && import_path(x, q.dir, "rcpthosts")) there = !stat(x->path.s, &st);
  if (there) read_all(&q);
  names_free(&q.routes);
  stralloc_free(&control);
  if (!there && !x->broken) import_path(x, dir, "control/me");
  return x->broken ? errno = x->broken, -1 : there;
}
