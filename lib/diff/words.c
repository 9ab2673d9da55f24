/* Words for the parts of a difference. */
#include <string.h>
#include "codec/escape.h"
#include "diff/words.h"
#include "parse/number.h"
#include "policy/gate.h"
#include "smtp/verdict.h"

#define TARGETS 3 /* of an alias, that are named */

static int cats(stralloc *s, char const *words)
{
  return stralloc_cats(s, words) ? 0 : -1;
}

static int cat_number(stralloc *s, uint64_t n)
{
  char text[NUMBER_TEXT];
  return stralloc_catb(s, text, number_fmt(text, n)) ? 0 : -1;
}

int class_words(stralloc *s, struct diff const *d, size_t class)
{
  struct address_class const *k = classes_address(&d->classes, class);
  char const *key = classes_text(&d->classes, k->key);
  switch (k->form) {
    case FORM_NULL: return cats(s, "<>");
    case FORM_BARE: return cats(s, "postmaster");
    case FORM_OTHER: return cats(s, "any other domain");
    case FORM_OTHER_LITERAL: return cats(s, "any other address literal");
    case FORM_POSTMASTER: if (cats(s, "postmaster@") < 0) return -1; break;
    default: break;
  }
  size_t n = strlen(key);
  if (!stralloc_readyplus(s, CODEC_ESCAPED(n))) return -1;
  s->len += codec_escape(s->s + s->len, key, n);
  return 0;
}

static int add_line(stralloc *s, size_t begin, struct record const *r)
{
  if (s->len > begin && cats(s, ", ") < 0) return -1;
  return cats(s, r->file) < 0 || cats(s, ":") < 0 ? -1 : cat_number(s, r->line);
}

int class_lines(stralloc *s, struct diff const *d, size_t class, int recipient, unsigned table)
{
  static struct { enum table which; char const *before; unsigned named; int sender, recipient; } const places[] = {
    { TABLE_DOMAINS, "", NAMED_DOMAINS, 1, 1 }, { TABLE_RECIPIENTS, "", NAMED_RECIPIENTS, 0, 1 },
    { TABLE_RECIPIENTS, "@", NAMED_RECIPIENTS, 0, 1 }, { TABLE_ALIASES, "", NAMED_ALIASES, 0, 1 },
    { TABLE_ALIASES, "@", NAMED_ALIASES, 0, 1 }, { TABLE_RELAY, "grant to ", NAMED_TO, 0, 1 },
    { TABLE_RELAY, "deny to ", NAMED_DENY, 0, 1 }, { TABLE_RELAY, "local ", NAMED_LOCAL, 1, 0 },
    { TABLE_RELAY, "grant sender ", NAMED_SENDER, 1, 0 }, { TABLE_RELAY, "grant sender @", NAMED_SENDER, 1, 0 },
    { TABLE_ROUTES, "", NAMED_ROUTES, 0, 1 },
  };
  struct address_class const *k = classes_address(&d->classes, class);
  char const *form = classes_text(&d->classes, k->key);
  char key[2 * TABLE_KEY];
  size_t begin = s->len, len = strlen(form);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    struct record r;
    size_t n = strlen(places[i].before);
    if (!(k->named & places[i].named) || !(recipient ? places[i].recipient : places[i].sender)) continue;
    if (len > TABLE_KEY) continue;
    memcpy(key, places[i].before, n);
    memcpy(key + n, form, len);
    if (table_find(d->t[table], places[i].which, key, n + len, &r) == 1 && add_line(s, begin, &r) < 0) return -1;
  }
  return 0;
}

char const *traits_words(unsigned traits, int recipient)
{
  if (!recipient) {
    switch (traits) {
      case 0: return "other senders";
      case SENDER_NULL: return "the null sender";
      case SENDER_HOSTED: return "senders in our domains";
      case SENDER_GRANTED: return "senders of `grant sender`";
      default: return "senders in our domains and of `grant sender`";
    }
  }
  switch (traits) {
    case 0: return "other domains";
    case RECIPIENT_LITERAL: return "other address literals";
    case RECIPIENT_ROUTED: return "other domains whose mail a route sends to a relay";
    case RECIPIENT_GRANTED: return "recipients of `grant to`";
    case RECIPIENT_GRANTED | RECIPIENT_LITERAL: return "address literals of `grant to`";
    case RECIPIENT_DENIED: return "recipients of `deny to`";
    case RECIPIENT_HOSTED: return "unknown recipients in our domains";
    case RECIPIENT_HOSTED | RECIPIENT_VALID: return "recipients of ours";
    case RECIPIENT_HOSTED | RECIPIENT_ASKED: return "recipients of ours that the next hop is asked about";
    default: return "recipients that are refused";
  }
}

char const *property_word(enum diff_property p)
{
  static char const *const words[DIFF_PROPERTIES] = { "login", "pop", "tls", "listener", "mailbox", "exchangers" };
  return words[p];
}

char const *value_word(enum diff_property p, unsigned value)
{
  static char const *const words[DIFF_PROPERTIES][4] = {
    { "none", "relay", "norelay" }, { "none", "old", "new", "both" }, { "no", "yes" }, { "other", LISTENER_SUBMISSION },
    { "no", "yes" },
    { "neither", "old", "new", "both" },
  };
  return words[p][value];
}

/* File and line of the record, and of the gate's rule. */
static int add_where(stralloc *s, struct record const *r, uint32_t gate)
{
  struct record const rule = { .file = "clients", .line = gate };
  if (!r->line && !gate) return 0;
  if (cats(s, " (") < 0) return -1;
  size_t begin = s->len;
  if (r->line && add_line(s, begin, r) < 0) return -1;
  if (gate && add_line(s, begin, &rule) < 0) return -1;
  return cats(s, ")");
}

/* " to a@b.example, c@d.example", and how many more. */
static int add_targets(stralloc *s, struct record const *r)
{
  uint32_t at = 0, n = 0, more = 0;
  for (uint32_t next; at < r->len; at = next) {
    char const *end = memchr(r->data + at, 0, r->len - at);
    next = end ? (uint32_t)(end - r->data) + 1 : r->len;
    size_t len = next - at - (end != 0);
    if (n++ >= TARGETS) {
      more++;
      continue;
    }
    if (cats(s, n > 1 ? ", " : " to ") < 0 || !stralloc_readyplus(s, CODEC_ESCAPED(len))) return -1;
    s->len += codec_escape(s->s + s->len, r->data + at, len);
  }
  return !more ? 0 : cats(s, " and ") < 0 || cat_number(s, more) < 0 ? -1 : cats(s, " more");
}

int gate_words(stralloc *s, struct diff const *d, struct diff_example const *x, unsigned table)
{
  struct record r;
  uint32_t pos = 0;
  char const *var;
  if (gate_find(d->t[table], &x->client, 0, 0, &r) == GATE_TEMPFAIL) return 0;
  while (gate_variable(&r, &pos, &var) > 0) {
    size_t n = strlen(var);
    if (strncmp(var, "RELAYCLIENT=", 12)) continue;
    if (!stralloc_readyplus(s, CODEC_ESCAPED(n) + 2)) return -1;
    stralloc_catb(s, "\"", 1);
    s->len += codec_escape(s->s + s->len, var + 12, n - 12);
    stralloc_catb(s, "\"", 1);
  }
  return add_where(s, &(struct record){ .line = 0 }, x->line[table]);
}

int example_words(stralloc *s, struct diff_example const *x, unsigned table)
{
  struct decision const *d = x->decision + table;
  static struct record const none = { .file = "", .line = 0 };
  char line[REPLY_LINE];
  if (x->denied[table]) return cats(s, "denied by the gate") < 0 ? -1 : add_where(s, &none, x->line[table]);
  int trusted = d->verdict == VERDICT_ACCEPT && d->reason == REASON_CLIENT;
  if (d->verdict == VERDICT_ACCEPT) {
    if (cats(s, "accepted, ") < 0) return -1;
  } else {
    size_t n = reply_fmt(line, verdict_reply(d), 0), blanks = 0, i = 0;
    while (i < n && (line[i] != ' ' || ++blanks < 2)) i++; /* code and enhanced code */
    if (!stralloc_catb(s, line, i) || cats(s, " ") < 0) return -1;
  }
  if (cats(s, reason_word(d->reason)) < 0 || add_where(s, &d->record, trusted ? x->line[table] : 0) < 0) return -1;
  return d->reason == REASON_ALIAS ? add_targets(s, &d->record) : 0;
}
