/* A text for tcprules(1), read as tcprules reads it: the address ends at the line's first colon, a line without one is
 * skipped, a range may stand in an address without `=` and `@`, the first of equal keys counts, and a key that no
 * client can have does nothing. Such lines do nothing here either, and are named. Lines that only ucspi-tcp6's tcprules
 * takes (IPv6, prefixes with a length) mean what they mean there. */
#include <string.h>
#include "import/rules.h"
#include "parse/ip.h"

/* Does an action stand at s? Returns its length, or 0. */
static size_t action_at(char const *s, size_t n)
{
  size_t len = n >= 5 && !memcmp(s, "allow", 5) ? 5 : n >= 4 && !memcmp(s, "deny", 4) ? 4 : 0;
  return len && (n == len || s[len] == ',') ? len : 0;
}

/* Finds the address, the action and the variables as tcprules does; else the first `:allow` or `:deny`. */
static int split(struct rule *r, struct text t)
{
  struct text rest;
  size_t len = 0;
  text_cut(t, ':', &r->address, &rest);
  if (!(len = action_at(rest.s, rest.n))) {
    size_t i = 0;
    while (i < t.n && !(t.s[i] == ':' && (len = action_at(t.s + i + 1, t.n - i - 1)))) i++;
    if (i == t.n) return 0;
    r->address.n = i;
    rest = (struct text){ t.s + i + 1, t.n - i - 1 };
    r->six = 1;
  }
  r->deny = len == 4;
  r->variables = (struct text){ rest.s + len, rest.n - len };
  return 1;
}

int rule_variable(struct text *rest, struct variable *v)
{
  if (!rest->n) return 0;
  struct text t = { rest->s + 1, rest->n - 1 };
  if (*rest->s != ',' || !text_cut(t, '=', &v->name, &t) || !v->name.n || !t.n) return -1;
  char quote = *t.s;
  v->whole.s = rest->s;
  t = (struct text){ t.s + 1, t.n - 1 };
  if (!text_cut(t, quote, &v->value, &t)) return -1;
  v->whole.n = (size_t)(t.s - v->whole.s);
  *rest = t;
  return 1;
}

static int well_formed(struct text variables)
{
  struct variable v;
  int r;
  while ((r = rule_variable(&variables, &v)) > 0) ;
  return r == 0;
}

static void read_rule(struct import *x, struct source *f, struct text t, int *relayclient)
{
  struct rule r = { .from = source_place(f) };
  struct text before, rest;
  if (!text_cut(t, ':', &before, &rest)) {
    import_note(x, r.from, "no colon: tcprules skips the line, and it does nothing");
    return;
  }
  if (!split(&r, t) || !well_formed(r.variables)) {
    import_left(x, r.from, "not understood (tcprules refuses the whole file for it): %.*s", SHOWN(t));
    return;
  }
  rule_keys(x, &r);
  if (r.relayclient) *relayclient = 1;
}

int import_rules(struct import *x, struct source *f)
{
  struct text t;
  int relayclient = 0;
  while (!x->broken && source_line(f, &t)) {
    while (t.n && memchr(" \t\r", t.s[t.n - 1], 3)) t.n--;
    if (t.n && *t.s != '#') read_rule(x, f, t, &relayclient);
  }
  return relayclient;
}

int import_tcprules(struct import *x, char const *file)
{
  struct source f;
  char const *slash = strrchr(file, '/');
  int r = source_open(x, &f, 0, file);
  f.name = slash && slash[1] ? slash + 1 : file;
  if (r > 0) {
    import_comment(x, IMPORT_CLIENTS, "Imported from %s, a text for tcprules.", f.name);
    import_rules(x, &f);
  }
  source_close(&f);
  return x->broken ? -1 : r;
}
