/* The file `relay`: one statement a line, whose keys are policy/match.h's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "policy/match.h"
#include "rules/rules.h"

#define WORDS 8            /* of the longest statement, and one more */

/* A statement being read: its words from w[at] on are still to be used; key is what the table gets. */
struct statement {
  struct word w[WORDS];
  size_t n, at;
  struct ip ip;       /* a prefix */
  unsigned bits;
  stralloc key;
  char const *data;
  size_t data_len;
};

/* Appends a blank and s. */
static int put(struct compiler *c, struct statement *st, char const *s, size_t n)
{
  if ((!st->key.len || stralloc_catb(&st->key, " ", 1)) && stralloc_catb(&st->key, s, n)) return 1;
  c->broken = ENOMEM;
  return 0;
}

/* The next word, or null after complaining that `what` is missing. */
static struct word const *next(struct compiler *c, struct statement *st, char const *what)
{
  if (st->at < st->n) return st->w + st->at++;
  rules_error(c, "%s is missing", what);
  return 0;
}

/* The next word must be `word`. Returns 1, or 0 after complaining. */
static int expect(struct compiler *c, struct statement *st, char const *word)
{
  struct quoted q;
  if (st->at < st->n && rules_is(st->w[st->at], word)) return st->at++, 1;
  if (st->at < st->n) rules_error(c, "`%s` must stand before %s", word, quote(&q, st->w[st->at].s, st->w[st->at].n));
  else rules_error(c, "`%s` is missing", word);
  return 0;
}

/* The next word as an address or domains; see rules_to and rules_from. A word of `words` (null-terminated) is
 * itself. */
static int put_key(struct compiler *c, struct statement *st, char const *what, char const *const *words,
                   size_t (*key)(struct compiler *, char *, char const *, size_t))
{
  char out[RULES_KEY];
  struct word const *w = next(c, st, what);
  if (!w) return 0;
  for (; *words; words++)
    if (rules_is(*w, *words)) return put(c, st, w->s, w->n);
  size_t len = key(c, out, w->s, w->n);
  return len && put(c, st, out, len);
}

/* The next word as a prefix; remembers its length. */
static int put_prefix(struct compiler *c, struct statement *st, struct lengths *lengths)
{
  char bits[GATE_CIDR];
  struct word const *w = next(c, st, "an address, or a prefix with its length,");
  if (!w || !rules_prefix(c, &st->ip, &st->bits, w->s, w->n)) return 0;
  lengths_use(lengths, &st->ip, st->bits);
  return put(c, st, bits, gate_cidr_key(bits, &st->ip, st->bits));
}

static char const *const no_words[] = { 0 };
static char const *const class_words[] = { "any", "hosted", 0 };
static char const *const sender_words[] = { "hosted", "user", 0 };

static int plain(struct compiler *c, struct statement *st)
{
  (void)c;
  (void)st;
  return 1;
}

static int pop(struct compiler *c, struct statement *st)
{
  if (!rules_pop(c, st->w + st->at, st->n - st->at)) return 0;
  st->at = st->n;
  st->data = c->data.s;
  st->data_len = c->data.len;
  return 1;
}

static int anyone(struct compiler *c, struct statement *st)
{
  if (st->at == st->n)
    return rules_error(c, "an open relay: every stranger may send anywhere. Who means that says `grant anyone "
                       "open-relay`"), 0;
  st->data = "open-relay";
  st->data_len = 10;
  return expect(c, st, "open-relay");
}

static int to(struct compiler *c, struct statement *st)
{
  return put_key(c, st, "a domain or an address", no_words, rules_to);
}

static int own(struct compiler *c, struct statement *st)
{
  struct quoted q;
  if (st->at < st->n && *st->w[st->at].s != '.')
    return rules_error(c, "%s is no suffix: `own` stands before one, as `.brand`",
                       quote(&q, st->w[st->at].s, st->w[st->at].n)), 0;
  return to(c, st);
}

static int sender(struct compiler *c, struct statement *st)
{
  if (!put_key(c, st, "an address, @domain, `hosted` or `user`", sender_words, rules_from)) return 0;
  if (st->at == st->n)
    return rules_error(c, "forgeable: whoever gives this address as his sender relays. Who means that says "
                          "`forgeable` at the end"), 0;
  st->data = "forgeable";
  st->data_len = 9;
  return expect(c, st, "forgeable");
}

static int to_host(struct compiler *c, struct statement *st)
{
  if (!put_prefix(c, st, &c->to_host)) return 0;
  trust_prefix(c, TRUST_HOST, &st->ip, st->bits);
  return 1;
}

/* The prefix has a record of its own, so that a look-up that finds none is over. */
static int device(struct compiler *c, struct statement *st)
{
  uint32_t none = 0;
  if (!put_prefix(c, st, &c->device)) return 0;
  size_t prefix = st->key.len;
  if (!expect(c, st, "from") || !put_key(c, st, "a sender", class_words, rules_from)) return 0;
  if (!expect(c, st, "to") || !put_key(c, st, "a recipient", class_words, rules_to)) return 0;
  if (st->at < st->n && rules_is(st->w[st->at], "rate")) return rules_error(c, "this version knows no `rate`"), 0;
  if (!rules_is(st->w[st->at - 1], "hosted")) trust_prefix(c, TRUST_DEVICE, &st->ip, st->bits);
  int r = seen_add(&c->seen, TABLE_RELAY, st->key.s, prefix, &none);
  if (r < 0) c->broken = ENOMEM;
  else if (r && table_add(c->table, TABLE_RELAY, st->key.s, prefix, 0, "", 0) < 0) c->broken = errno ? errno : EIO;
  return 1;
}

static struct form {
  char const *first, *second;  /* the words that it begins with; second may be null */
  int (*rest)(struct compiler *, struct statement *); /* reads what follows into key and data; see read */
  char const *usage;
} const forms[] = {
  { "grant", "login", plain, "grant login" },
  { "grant", "clients", plain, "grant clients" },
  { "grant", "pop", pop, "grant pop [SECONDS] [/64] [on LISTENER,...] [bound]" },
  { "grant", "to", to, "grant to DOMAIN-or-ADDRESS" },
  { "grant", "to-host", to_host, "grant to-host PREFIX" },
  { "grant", "sender", sender, "grant sender ADDRESS-or-@DOMAIN forgeable" },
  { "grant", "device", device, "grant device PREFIX from SENDER to RECIPIENT" },
  { "grant", "anyone", anyone, "grant anyone open-relay" },
  { "require", "login", plain, "require login" },
  { "require", "tls", plain, "require tls" },
  { "require", "sender", 0, "require sender hosted" },
  { "deny", "to", to, "deny to DOMAIN-or-ADDRESS" },
  { "local", 0, to, "local DOMAIN-or-ADDRESS" },
  { "own", 0, own, "own .SUFFIX" },
};
#define FORMS (sizeof forms / sizeof *forms)

static struct form const *find_form(struct statement *st)
{
  for (size_t i = 0; i < FORMS; i++) {
    if (!rules_is(st->w[0], forms[i].first)) continue;
    st->at = 1;
    if (!forms[i].second) return forms + i;
    st->at = 2;
    if (st->n > 1 && rules_is(st->w[1], forms[i].second)) return forms + i;
  }
  return 0;
}

/* What could follow the first word, or all first words. */
static void unknown(struct compiler *c, struct statement const *st, struct word line)
{
  struct quoted q;
  char known[500];
  size_t len = 0, same = 0;
  for (size_t i = 0; i < FORMS; i++) same += (size_t)rules_is(st->w[0], forms[i].first);
  for (size_t i = 0; i < FORMS; i++) {
    char const *s = same ? forms[i].usage : forms[i].first;
    if (same ? !rules_is(st->w[0], forms[i].first) : i && !strcmp(s, forms[i - 1].first)) continue;
    len += (size_t)snprintf(known + len, sizeof known - len, "%s %s", len ? "," : "", s);
  }
  rules_error(c, "%s is not known; known:%s", quote(&q, line.s, line.n), known);
}

/* Returns 1, or 0 after complaining. */
static int read(struct compiler *c, struct statement *st, struct form const *form)
{
  if (!put(c, st, form->first, strlen(form->first))) return 0;
  if (form->second && !put(c, st, form->second, strlen(form->second))) return 0;
  return form->rest ? form->rest(c, st) : expect(c, st, "hosted") && put(c, st, "hosted", 6);
}

void rules_relay(struct compiler *c, char const *s, size_t n)
{
  struct statement st = { .key = STRALLOC_ZERO, .data = "" };
  struct quoted q;
  st.n = rules_words(s, n, st.w, WORDS);
  if (st.n > WORDS) st.n = WORDS;
  struct form const *form = find_form(&st);
  if (!form) {
    unknown(c, &st, (struct word){ s, n });
  } else if (read(c, &st, form)) {
    if (st.at < st.n) rules_error(c, "%s is one word too many", quote(&q, st.w[st.at].s, st.w[st.at].n));
    else rules_add(c, TABLE_RELAY, st.key.s, st.key.len, (struct word){ s, n }, st.data, st.data_len);
  }
  stralloc_free(&st.key);
}

void rules_relay_end(struct compiler *c)
{
  lengths_add(c, &c->to_host, TABLE_RELAY, "grant to-host/4", "grant to-host/6");
  lengths_add(c, &c->device, TABLE_RELAY, "grant device/4", "grant device/6");
}
