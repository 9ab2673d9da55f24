/* The difference for people: a sentence for each line, what is too long for it below, and one case. */
#include <errno.h>
#include <string.h>
#include "codec/escape.h"
#include "diff/pops.h"
#include "diff/text.h"
#include "diff/values.h"

static int put_escaped(struct text *x, char const *s, size_t n)
{
  if (!stralloc_readyplus(x->out, CODEC_ESCAPED(n))) return 0;
  x->out->len += codec_escape(x->out->s + x->out->len, s, n);
  return 1;
}

static char const *term_words(enum diff_property p, unsigned fits)
{
  static char const *const logins[] = { 0, "without a login", "with a login that may relay",
    "without a login or with one that may relay", "with a login that may not relay", "without a login that may relay",
    "with a login" };
  static char const *const others[DIFF_PROPERTIES][3] = {
    [DIFF_TLS] = { 0, "without TLS", "under TLS" },
    [DIFF_SUBMISSION] = { 0, "on a listener other than submission", "on the listener submission" },
    [DIFF_MAILBOX] = { 0, "where the next hop does not take the recipient",
                       "where the next hop takes the recipient" } };
  return p == DIFF_LOGIN ? logins[fits] : p == DIFF_EXCHANGERS ? 0 : others[p][fits];
}

/* Whose the example's stamp is and on which listener, where that counts. */
static int put_stamp(struct text *x, struct diff_example const *e)
{
  struct facts const *f = e->facts;
  if (!f->stamp || !diff_pop(x->d)->tells) return 1;
  int ok = put(x, ", with a POP stamp") &&
    (!*f->stamp || (put(x, " of ") && put_escaped(x, f->stamp, strlen(f->stamp))));
  return ok && (!*f->listener || (put(x, " on ") && put_escaped(x, f->listener, strlen(f->listener)))) && put(x, ",");
}

/* Which tables grant all the exchangers. */
static int put_exchangers(struct text *x, unsigned fits)
{
  int some = 0;
  if (!put(x, "where `grant to-host` has all mail exchangers in ")) return 0;
  for (unsigned v = 0; v < DIFF_MX; v++) {
    if (!(fits >> v & 1)) continue;
    if ((some && !put(x, " or ")) || !put(x, v == 1 || v == 2 ? "the " : "") ||
        !put(x, value_word(DIFF_EXCHANGERS, v)) || !put(x, v == 1 || v == 2 ? " rules alone" : " rules")) return 0;
    some = 1;
  }
  return 1;
}

static int put_term(struct text *x, struct diff_term const *t)
{
  int some = 0;
  for (unsigned p = 0; p < DIFF_PROPERTIES; p++) {
    if (t->fits[p] == (1U << diff_values[p]) - 1) continue;
    if (some && !put(x, ", ")) return 0;
    some = 1;
    char const *words = p == DIFF_STAMP ? pops_words(x->d, t->fits[p]) : term_words((enum diff_property)p, t->fits[p]);
    if (!(words ? put(x, words) : put_exchangers(x, t->fits[p]))) return 0;
  }
  return 1;
}

static int put_when(struct text *x)
{
  size_t n = genalloc_len(struct diff_term, &x->when);
  for (size_t i = 0; i < n; i++) {
    struct diff_term const *t = genalloc_s(struct diff_term, &x->when) + i;
    int any = 1;
    for (unsigned p = 0; p < DIFF_PROPERTIES; p++) any &= t->fits[p] == (1U << diff_values[p]) - 1;
    if (!any && (!put(x, i ? "; or " : ", ") || !put_term(x, t))) return 0;
  }
  return 1;
}

static int put_from(struct text *x)
{
  struct diff_addresses const *a = &x->senders;
  if (a->all && !genalloc_len(struct diff_flip, &a->flips) && !genalloc_len(unsigned, &a->but)) return 1;
  return put(x, ", from ") && put_addresses(x, a, 0);
}

static int is_anywhere(struct diff_addresses const *a)
{
  return a->all && !genalloc_len(struct diff_flip, &a->flips) && !genalloc_len(unsigned, &a->but);
}

/* "anybody may send to partner.example now". */
static int put_sentence(struct text *x)
{
  static char const *const gate[DIFF_KIND_COUNT] = {
    [DIFF_LETS_IN] = " may connect now", [DIFF_TRUSTS] = " may connect now, and are trusted",
    [DIFF_SHUTS_OUT] = " may no longer connect",
    [DIFF_BELIEVES] = " may say now whom they speak for (RELAYPROXY)",
    [DIFF_DOUBTS] = " may no longer say whom they speak for (RELAYPROXY)",
    [DIFF_APPENDS] = " have another value of RELAYCLIENT" };
  static char const *const mail[DIFF_KIND_COUNT] = {
    [DIFF_TAKES] = " is taken now", [DIFF_REFUSES] = " is refused now", [DIFF_HOSTS] = " is ours now",
    [DIFF_UNHOSTS] = " is no longer ours", [DIFF_REDIRECTS] = " goes elsewhere now" };
  enum diff_kind k = x->l->kind;
  if (k >= DIFF_LASTS) return pops_sentence(x->out, x->d, k) == 0;
  if (gate[k]) return put_clients(x) && put(x, gate[k]);
  if (mail[k]) {
    if (!put(x, "mail to ") || !put_addresses(x, &x->recipients, 1) || !put(x, mail[k])) return 0;
    if (k == DIFF_REDIRECTS) return 1;
    return (x->clients.all || (put(x, ", from ") && put_clients(x))) && put_from(x) && put_when(x);
  }
  if (!put_clients(x) || !put(x, k == DIFF_GAINS ? " may send " : " may no longer send ")) return 0;
  if (is_anywhere(&x->recipients) ? !put(x, "anywhere") : !(put(x, "to ") && put_addresses(x, &x->recipients, 1)))
    return 0;
  return put_from(x) && put_when(x);
}

static int put_path(struct text *x, char const *word, struct address const *a)
{
  return put(x, word) && put_escaped(x, a->text, a->len) && put(x, ">");
}

static int put_example(struct text *x)
{
  struct diff_example e;
  char ip[IP_TEXT] = "without an address";
  if (x->l->kind > DIFF_REDIRECTS && x->l->kind != DIFF_APPENDS) return 1;
  diff_example(&e, x->d, x->l);
  if (e.client.len) ip_fmt(ip, &e.client);
  if (x->l->kind == DIFF_APPENDS) {
    if (!e.line[0] || !e.line[1]) return 1; /* not by its address alone */
    return put(x, "    for example client ") && put(x, ip) && put(x, ": ") && !gate_words(x->out, x->d, &e, 0) &&
      put(x, " -> ") && !gate_words(x->out, x->d, &e, 1) && put(x, "\n");
  }
  if (!put(x, "    for example")) return 0;
  if (x->l->kind != DIFF_REDIRECTS &&
      !(put(x, " client ") && put(x, ip) && put_stamp(x, &e) && put_path(x, " from <", &e.sender))) return 0;
  if (!put_path(x, " to <", &e.recipient) || !put(x, ": ")) return 0;
  if (example_words(x->out, &e, 0) < 0 || !put(x, " -> ") || example_words(x->out, &e, 1) < 0) return 0;
  return put(x, "\n");
}

static int put_line(struct text *x)
{
  if (!put(x, diff_word(x->l->kind)) || !put(x, ": ") || !put_sentence(x) || !put(x, "\n")) return 0;
  if (x->l->kind != DIFF_REDIRECTS && x->l->kind < DIFF_LASTS && !put_client_list(x)) return 0;
  if (x->l->kind < DIFF_REDIRECTS && !put_address_list(x, &x->senders, 0)) return 0;
  if (x->l->kind <= DIFF_REDIRECTS && !put_address_list(x, &x->recipients, 1)) return 0;
  return put_example(x);
}

int diff_text(stralloc *out, struct diff const *d, unsigned most)
{
  int ok = 1;
  for (size_t i = 0; i < genalloc_len(struct diff_line, &d->lines) && ok; i++) {
    struct text x = { .out = out, .d = d, .l = genalloc_s(struct diff_line, &d->lines) + i, .most = most,
      .clients = DIFF_CLIENTS_ZERO, .senders = DIFF_ADDRESSES_ZERO, .recipients = DIFF_ADDRESSES_ZERO,
      .when = GENALLOC_ZERO };
    ok = diff_describe_clients(&x.clients, d, x.l) == 0 && diff_describe_senders(&x.senders, d, x.l) == 0 &&
      diff_describe_recipients(&x.recipients, d, x.l) == 0 && diff_describe_when(&x.when, d, &x.l->when) == 0 &&
      put_line(&x);
    diff_clients_free(&x.clients);
    diff_addresses_free(&x.senders);
    diff_addresses_free(&x.recipients);
    genalloc_free(struct diff_term, &x.when);
  }
  if (!ok) return errno = ENOMEM, -1;
  return pops_text(out, d, most) < 0 ? -1 : values_text(out, d, most);
}
