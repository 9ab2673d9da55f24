/* Postfix' master.cf: the options by which a server has other settings than main.cf says. */
#include <errno.h>
#include <string.h>
#include "import/postfix.h"

#define FIELDS 8 /* before a service's arguments: name, type, private, unprivileged, chroot, wakeup, maxproc, command */

/* A service on its way: what fn is to hear of. */
struct service {
  option_fn *fn;   /* null: is there a server on port 25? */
  void *arg;
  struct text name, type, command;
  struct place from;
  unsigned found : 1;  /* one is there */
};

/* [HOST:]smtp, or what postscreen hands sessions over to. */
static int on_smtp(struct service const *s)
{
  struct text port = s->name;
  while (text_cut(port, ':', &(struct text){ 0, 0 }, &port)) ;
  return text_is(s->type, "pass") || (text_is(s->type, "inet") && (text_is(port, "smtp") || text_is(port, "25")));
}

static void one_option(struct postfix *p, struct service const *s, struct text t)
{
  struct text name, value;
  if (t.n > 1 && *t.s == '{') t = text_trim((struct text){ t.s + 1, t.n - 2 });
  if (text_cut(t, '=', &name, &value))
    s->fn(p, text_trim(name), text_trim(value), s->from, !s->found || on_smtp(s), s->arg);
}

static void one_service(struct postfix *p, struct service *s, struct text rest)
{
  struct text word, *const fields[FIELDS] = { &s->name, &s->type, 0, 0, 0, 0, 0, &s->command };
  for (unsigned i = 0; i < FIELDS; i++) {
    if (!text_argument(&rest, &word)) return;
    if (fields[i]) *fields[i] = word;
  }
  if (!text_is(s->command, "smtpd")) return;
  if (!s->fn && on_smtp(s)) s->found = 1;
  while (s->fn && text_argument(&rest, &word)) {
    if (word.n < 2 || word.s[0] != '-' || word.s[1] != 'o') continue;
    if (word.n > 2) word = (struct text){ word.s + 2, word.n - 2 };
    else if (!text_argument(&rest, &word)) return;
    one_option(p, s, word);
  }
}

static void each_service(struct postfix *p, struct service *s)
{
  struct source f;
  stralloc line = STRALLOC_ZERO;
  uint32_t number;
  int more = source_open(p->x, &f, p->dir, "master.cf");
  while (more > 0 && !p->x->broken && (more = maincf_logical(&f, &line, &number)) > 0) {
    s->from = (struct place){ "master.cf", number };
    one_service(p, s, (struct text){ line.s, line.len });
  }
  if (more < 0) p->x->broken = p->x->broken ? p->x->broken : ENOMEM;
  source_close(&f);
  stralloc_free(&line);
}

void postfix_services(struct postfix *p, option_fn *fn, void *arg)
{
  struct service s = { .fn = 0 };
  each_service(p, &s);
  s.fn = fn;
  s.arg = arg;
  each_service(p, &s);
}

static void override(struct postfix *p, struct text name, struct text value, struct place from, int main, void *arg)
{
  (void)value;
  (void)arg;
  if (main && names_put(&p->overridden, name.s, name.n, from.line) < 0) p->x->broken = ENOMEM;
}

void postfix_overrides(struct postfix *p)
{
  postfix_services(p, override, 0);
}

uint32_t postfix_overridden(struct postfix const *p, char const *name)
{
  uint32_t line = 0;
  names_find(&p->overridden, name, strlen(name), &line);
  return line;
}
