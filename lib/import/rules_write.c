/* The variables of a rule for tcprules(1), and its line in `clients`. */
#include <errno.h>
#include <string.h>
#include "import/rules.h"
#include "parse/address.h"
#include "policy/gate.h"

/* Is it the address of everybody? */
static int everybody(struct text a)
{
  return !a.n || text_is(a, "=") || (a.n > 2 && !memcmp(a.s + a.n - 2, "/0", 2));
}

static int good_name(struct text t)
{
  for (size_t i = 0; i < t.n; i++) {
    char ch = t.s[i];
    if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z') && ch != '_' && (!i || ch < '0' || ch > '9')) return 0;
  }
  return 1;
}

/* Does RELAYCLIENT's value make an address when it stands behind a recipient's? */
static int good_suffix(struct text value)
{
  struct address a;
  char text[LIMIT_ADDRESS + 32];
  char const *at = value.n ? memchr(value.s, '@', value.n) : 0;
  size_t local = at ? (size_t)(at - value.s) : value.n, n = 0;
  if (!value.n) return 1;
  if (value.n > LIMIT_ADDRESS) return 0;
  if (at) text[n++] = '"';
  memcpy(text + n, "a@b.example", 11);
  n += 11;
  memcpy(text + n, value.s, local);
  n += local;
  if (at) text[n++] = '"';
  memcpy(text + n, value.s + local, value.n - local);
  return address_mailbox(&a, text, n + value.n - local, 0) == ADDRESS_OK;
}

/* Is the variable set again by what follows? The last one counts. */
static int set_again(struct text rest, struct text name)
{
  struct variable v;
  while (rule_variable(&rest, &v) > 0)
    if (v.name.n == name.n && !memcmp(v.name.s, name.s, name.n)) return 1;
  return 0;
}

/* Why the variable can't be carried over, or null. */
static char const *why_not(struct rule const *r, struct text address, struct variable const *v)
{
  if (gate_is_fact(v->name.s, v->name.n)) return "no rule may set it here: it states what is found out";
  if (text_is(v->name, "RELAYPROXY")) return "it has a meaning of its own here";
  if (!good_name(v->name)) return "a name like that can't be set here";
  if (v->value.n && (memchr(v->value.s, 0, v->value.n) || memchr(v->value.s, '\r', v->value.n)))
    return "its value holds a NUL or a CR";
  if (r->deny || !text_is(v->name, "RELAYCLIENT")) return 0;
  if (everybody(address)) return "everybody would relay: an open relay";
  return good_suffix(v->value) ? 0 : "its value makes no address when it is appended to a recipient";
}

/* Puts the variables that can be carried over behind each other. */
static int gather(struct import *x, struct rule *r, struct text address, stralloc *out)
{
  struct text rest = r->variables;
  struct variable v;
  while (rule_variable(&rest, &v) > 0) {
    char const *why = why_not(r, address, &v);
    if (why) {
      import_left(x, r->from, "the variable %.*s of %.*s: %s", SHOWN(v.name), SHOWN(address), why);
      continue;
    }
    if (set_again(rest, v.name)) {
      import_note(x, r->from, "%.*s is set twice, and the last one counts", SHOWN(v.name));
      continue;
    }
    if (!stralloc_catb(out, v.whole.s, v.whole.n)) return 0;
    if (text_is(v.name, "RELAYCLIENT") && !r->deny) r->relayclient = 1;
  }
  return stralloc_0(out);
}

/* Who uses the older tcprules lets nobody in by such a line. */
static void leave_prefix(struct import *x, struct rule *r, struct text address, char const *variables)
{
  r->relayclient = 0;
  import_comment(x, IMPORT_CLIENTS, "%.*s:allow%s", SHOWN(address), variables);
  import_left(x, r->from,
              "%.*s is a prefix for ucspi-tcp6 alone; the older tcprules takes it for a key that no client has: in "
              "`clients` the line is a comment", SHOWN(r->address));
}

void rule_write(struct import *x, struct rule *r, struct text address)
{
  stralloc variables = STRALLOC_ZERO;
  char const *action = r->deny ? "deny" : "allow";
  if (!gather(x, r, address, &variables)) x->broken = ENOMEM;
  else if (address.n + variables.len > LIMIT_RULE_LINE - 1024)
    import_left(x, r->from, "a line of more than %d bytes", LIMIT_RULE_LINE - 1024);
  else if (r->prefix && !r->deny)
    leave_prefix(x, r, address, variables.s);
  else
    import_line(x, IMPORT_CLIENTS, address.s, address.n, r->from, 0, "%.*s:%s%s", (int)address.n,
                address.n ? address.s : "", action, variables.s);
  stralloc_free(&variables);
}
