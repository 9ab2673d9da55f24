/* The file `clients`, in the syntax of tcprules(1): address:allow or address:deny, then ,VAR="value" as often as
 * wanted; the quote is any byte and ends where it occurs again. The address ends before the first `:allow` or `:deny`
 * that is followed by a comma, a blank or the end: so IPv6 addresses need no brackets, and what tcprules accepts means
 * the same here. */
#include <errno.h>
#include <string.h>
#include "base/limits.h"
#include "parse/address.h"
#include "rules/rules.h"

/* What the line sets, as far as the compiler has an opinion. */
struct sets {
  unsigned relayclient : 1;
  unsigned proxy : 1;
  struct word appended;     /* RELAYCLIENT's value */
};

/* Bytes of the action at s, 0: there is none. */
static size_t action_at(char const *s, size_t n)
{
  size_t len = n >= 6 && !memcmp(s, ":allow", 6) ? 6 : n >= 5 && !memcmp(s, ":deny", 5) ? 5 : 0;
  return len && (n == len || s[len] == ',' || rules_blank(s[len])) ? len : 0;
}

static int name_byte(char ch, int first)
{
  return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || ch == '_' || (!first && ch >= '0' && ch <= '9');
}

/* Does data hold the variable already? */
static int has(stralloc const *data, struct word name)
{
  size_t i = data->len && *data->s == 'D' ? 2 : 0;
  for (; i < data->len; i += strlen(data->s + i) + 1)
    if (data->len - i > name.n + 1 && !memcmp(data->s + i + 1, name.s, name.n) && data->s[i + 1 + name.n] == '=')
      return 1;
  return 0;
}

/* Checks a variable and appends `+VAR=value\0`. Returns 1, or 0 after complaining. */
static int set_variable(struct compiler *c, struct word name, struct word value, struct sets *sets)
{
  struct quoted q;
  if (gate_is_fact(name.s, name.n))
    return rules_error(c, "%s is for no rule to set: relay-gate, the super-server or our own programs state it",
                       quote(&q, name.s, name.n)), 0;
  if (has(&c->data, name)) return rules_error(c, "%s is set twice", quote(&q, name.s, name.n)), 0;
  if (rules_is(name, "RELAYCLIENT")) {
    sets->relayclient = 1;
    sets->appended = value;
  } else if (rules_is(name, "RELAYPROXY")) {
    sets->proxy = 1;
  }
  if (stralloc_catb(&c->data, "+", 1) && stralloc_catb(&c->data, name.s, name.n) && stralloc_catb(&c->data, "=", 1) &&
      stralloc_catb(&c->data, value.s, value.n) && stralloc_0(&c->data)) return 1;
  c->broken = ENOMEM;
  return 0;
}

/* Reads what follows the action. Returns 1, or 0 after complaining. */
static int read_variables(struct compiler *c, char const *s, size_t n, struct sets *sets)
{
  struct quoted q;
  size_t i = 0;
  while (i < n && s[i] == ',') {
    size_t start = ++i;
    while (i < n && name_byte(s[i], i == start)) i++;
    struct word name = { s + start, i - start };
    if (!name.n || i == n || s[i] != '=')
      return rules_error(c, "%s is no variable: VAR=\"value\" follows a comma", quote(&q, s + start, n - start)), 0;
    if (++i == n) return rules_error(c, "%s has no value in quotes", quote(&q, name.s, name.n)), 0;
    char const *end = memchr(s + i + 1, s[i], n - i - 1);
    if (!end) return rules_error(c, "the value of %s lacks its second quote", quote(&q, name.s, name.n)), 0;
    struct word value = { s + i + 1, (size_t)(end - s) - i - 1 };
    if (!set_variable(c, name, value, sets)) return 0;
    i = (size_t)(end - s) + 1;
  }
  size_t rest = i;
  while (rest < n && rules_blank(s[rest])) rest++;
  if (rest == n) return 1;
  if (rest > i && s[rest] == '#') return rules_comment(c, s + rest, n - rest), 1;
  return rules_error(c, "%s stands behind the rule's end", quote(&q, s + rest, n - rest)), 0;
}

/* What the server makes of a recipient with RELAYCLIENT's value behind it must be an address: else no mail of such a
 * client would ever be taken. It stands in quotes before a value with its own domain. */
static void judge_appended(struct compiler *c, struct word value)
{
  static char const sample[] = "a@b.example";
  struct address a;
  struct quoted q;
  char text[sizeof sample + LIMIT_ADDRESS + 2];
  size_t n = 0;
  char const *at = memchr(value.s, '@', value.n);
  size_t local = at ? (size_t)(at - value.s) : value.n;
  enum address_error e = ADDRESS_TOO_LONG;
  if (value.n <= LIMIT_ADDRESS) {
    if (at) text[n++] = '"';
    memcpy(text + n, sample, sizeof sample - 1);
    n += sizeof sample - 1;
    memcpy(text + n, value.s, local);
    n += local;
    if (at) text[n++] = '"';
    memcpy(text + n, value.s + local, value.n - local);
    e = address_mailbox(&a, text, n + value.n - local, 0);
  }
  if (e == ADDRESS_OK)
    rules_warn(c, WARN_APPENDED_VALUE, "RELAYCLIENT is not empty: its value is appended to each recipient");
  else rules_error(c, "RELAYCLIENT's value %s makes no address when it is appended to a recipient; it should be empty",
                   quote(&q, value.s, value.n));
}

/* What is allowed but deserves a word, and what isn't although its syntax is right. */
static void judge(struct compiler *c, struct client const *k, struct sets const *sets, int deny)
{
  if (deny) {
    if (c->data.len > 2)
      rules_warn(c, WARN_DENY_VARIABLES, "a client that is denied is sent away%s: the variables do nothing",
                 sets->relayclient ? ", and does not relay" : "");
    return;
  }
  if (sets->proxy && sets->relayclient)
    rules_error(c, "a proxy (RELAYPROXY) can't be trusted with RELAYCLIENT: whom it does not name would relay");
  if (sets->proxy) trust_line(c, k, 1);
  if (!sets->relayclient) return;
  if (sets->appended.n) judge_appended(c, sets->appended);
  trust_line(c, k, 0);
}

static void add_keys(struct compiler *c, struct client const *k, struct word shown)
{
  char key[CLIENT_KEY];
  for (unsigned i = k->first; i <= k->last && !c->broken; i++) {
    size_t len = client_key(k, i, key);
    rules_add(c, TABLE_CLIENTS, key, len, k->range ? (struct word){ key, len } : shown, c->data.s, c->data.len);
  }
  if (k->cidr) lengths_use(&c->clients, &k->ip, k->bits);
}

void rules_clients(struct compiler *c, char const *s, size_t n)
{
  struct client k;
  struct sets sets = { 0 };
  struct quoted q;
  size_t end = 0, action = 0;
  while (end < n && !(action = action_at(s + end, n - end))) end++;
  if (!action) {
    rules_error(c, "no `:allow` or `:deny` after the address");
    return;
  }
  int deny = action == 5;
  c->data.len = 0;
  if (!stralloc_catb(&c->data, "D", deny ? 2 : 0)) {
    c->broken = ENOMEM;
    return;
  }
  char const *why = client_scan(&k, s, end);
  if (why) rules_error(c, "%s %s", quote(&q, s, end), why);
  else if (k.mapped) rules_warn(c, WARN_MAPPED, "%s counts as IPv4: it is better written so", quote(&q, s, end));
  if (!read_variables(c, s + end + action, n - end - action, &sets) || why) return;
  judge(c, &k, &sets, deny);
  add_keys(c, &k, (struct word){ s, end });
}

/* As in tcprules, whom no line names is let in. That should be said, not forgotten. `first`: the first rule's line: it
 * stays where it is when others are added. */
static void warn_default(struct compiler *c, uint32_t first)
{
  if (c->wrong || seen_line(&c->seen, TABLE_CLIENTS, "", 0)) return;
  if (seen_line(&c->seen, TABLE_CLIENTS, "_", 1) && seen_line(&c->seen, TABLE_CLIENTS, "^", 1)) return;
  rules_warn_at(c, WARN_DEFAULT_ALLOW, FILE_CLIENTS, first, "no line for everybody else, so they may connect, as "
                "strangers: add `:allow` or `:deny`");
}

void rules_clients_end(struct compiler *c)
{
  char key[TABLE_KEY + 1];
  size_t at = 0;
  uint32_t first = seen_next(&c->seen, &at, TABLE_CLIENTS, key);
  lengths_add(c, &c->clients, TABLE_CLIENTS, GATE_LENGTHS4, GATE_LENGTHS6);
  if (first) warn_default(c, first);
}
