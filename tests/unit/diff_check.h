/* Is a client, with its sender, its recipient and its session, among those that a line means? Read off the description
 * from which text and JSON are made, with look-ups of its own. */
#ifndef TESTS_DIFF_CHECK_H
#define TESTS_DIFF_CHECK_H

#include "diff_stamps.h"
#include "policy/gate.h"

struct trial {
  struct facts facts;
  struct ip client;
  char const *host, *info;
  struct address sender, recipient;
  struct ip hosts[2];
};

/* How special a form is for an address; 0: it does not fit. */
static size_t fitness(struct classes const *c, struct address_class const *k, struct address const *a)
{
  char key[ADDRESS_KEY];
  char const *form = classes_text(c, k->key), *at = strchr(form, '@');
  size_t n = address_key(key, a), len = strlen(form), domain = strlen(a->domain);
  int postmaster = a->local_len == 10 && !strncmp(key, "postmaster", 10);
  int exact = !strcmp(form, a->domain);
  int below = *form == '.' && domain > len && !strcmp(a->domain + domain - len, form);
  switch (k->form) {
    case FORM_NULL: return !n;
    case FORM_BARE: return n && !domain;
    case FORM_ADDRESS: return n && !strcmp(form, key) ? 1000000 : 0;
    case FORM_EXTENSION:
      if (!n || !domain || strcmp(at + 1, a->domain)) return 0;
      return !strncmp(form, key, (size_t)(at - form) - 1) && a->local_len >= (size_t)(at - form) - 1 ? 100000 + len : 0;
    case FORM_DOMAIN: return domain && exact ? 20000 : 0;
    case FORM_SUFFIX: return below ? 10 * len : 0;
    case FORM_POSTMASTER: return !postmaster || !domain ? 0 : exact ? 20001 : below ? 10 * len + 1 : 0;
    case FORM_OTHER_LITERAL: return domain && a->literal ? 2 : 0;
    case FORM_OTHER: return domain && !a->literal ? 2 : 0;
  }
  return 0;
}

static size_t class_of(struct classes const *c, struct address const *a)
{
  size_t best = 0, found = CLASSES_NONE;
  for (size_t i = 0; i < classes_addresses(c); i++) {
    size_t fit = fitness(c, classes_address(c, i), a);
    if (fit > best) best = fit, found = i;
  }
  assert_int_not_equal(found, CLASSES_NONE);
  return found;
}

static int has(genalloc const *list, unsigned traits)
{
  for (size_t i = 0; i < genalloc_len(unsigned, list); i++)
    if (genalloc_s(unsigned, list)[i] == traits) return 1;
  return 0;
}

static int in_addresses(struct diff_addresses const *s, struct diff const *d, int recipient, size_t class)
{
  unsigned old = diff_traits(d, recipient, class, 0), new = diff_traits(d, recipient, class, 1);
  if (old == new && has(&s->but, old)) return 0;
  if (old == new && has(&s->and, old)) return 1;
  for (; class != CLASSES_NONE; class = classes_address(&d->classes, class)->wider)
    for (size_t i = 0; i < genalloc_len(struct diff_flip, &s->flips); i++) {
      struct diff_flip const *f = genalloc_s(struct diff_flip, &s->flips) + i;
      if (f->class == class) return f->in;
    }
  return s->all;
}

static int in_prefixes(genalloc const *prefixes, struct ip const *ip)
{
  int in = 0, best = -1;
  for (size_t i = 0; i < genalloc_len(struct diff_prefix, prefixes); i++) {
    struct diff_prefix const *p = genalloc_s(struct diff_prefix, prefixes) + i;
    struct ip cut = *ip;
    ip_mask(&cut, p->bits);
    if (p->ip.len != ip->len || memcmp(p->ip.b, cut.b, 16) || p->bits <= best) continue;
    best = p->bits;
    in = p->in;
  }
  return in;
}

static size_t name_of(struct classes const *c, char const *key)
{
  for (size_t i = 0; i < genalloc_len(struct client_name, &c->names); i++)
    if (!strcmp(classes_text(c, genalloc_s(struct client_name, &c->names)[i].key), key)) return i;
  return CLASSES_NONE;
}

/* The first rule of either table that fits the client's name. */
static size_t rule_for_name(struct classes const *c, char const *host)
{
  char key[300];
  if (!host) return CLASSES_NONE;
  snprintf(key, sizeof key, "=%s", host);
  size_t i = name_of(c, key);
  for (char const *s = strchr(host, '.'); s && i == CLASSES_NONE; s = strchr(s + 1, '.')) {
    snprintf(key, sizeof key, "=%s", s);
    i = name_of(c, key);
  }
  return i != CLASSES_NONE ? i : name_of(c, "=");
}

static size_t rule_for_user(struct classes const *c, struct trial const *x, int by_host)
{
  char key[300], ip[IP_TEXT] = "";
  if (!x->info || (by_host && !x->host)) return CLASSES_NONE;
  if (x->client.len) ip_fmt(ip, &x->client);
  snprintf(key, sizeof key, "%s@%s%s", x->info, by_host ? "=" : "", by_host ? x->host : ip);
  return name_of(c, key);
}

static int in_part(struct diff_part const *p, struct classes const *c, struct trial const *x)
{
  size_t name = rule_for_name(c, x->host);
  int found = !p->named;
  if (p->user != rule_for_user(c, x, 0) || p->user_host != rule_for_user(c, x, 1)) return 0;
  if (x->client.len ? !in_prefixes(&p->prefixes, &x->client) : !p->unknown) return 0;
  for (size_t i = 0; i < genalloc_len(size_t, &p->names); i++) found |= genalloc_s(size_t, &p->names)[i] == name;
  return found;
}

struct gate { int denied, trusted, proxy; char const *value; };

static struct gate gate_of(struct table_set const *t, struct trial const *x)
{
  struct gate g = { 0, 0, 0, "" };
  struct record r;
  uint32_t pos = 0;
  char const *var;
  g.denied = gate_find(t, &x->client, x->host, x->info, &r) == GATE_DENY;
  while (!g.denied && gate_variable(&r, &pos, &var) > 0) {
    if (!strncmp(var, "RELAYCLIENT=", 12)) g.trusted = 1, g.value = var + 12;
    if (!strncmp(var, "RELAYPROXY=", 11)) g.proxy = 1;
  }
  return g;
}

static int in_clients(struct diff_clients const *s, struct diff const *d, enum diff_kind kind, struct trial const *x)
{
  struct gate old = gate_of(d->t[0], x), new = gate_of(d->t[1], x);
  if (kind < DIFF_REDIRECTS && (old.denied || new.denied)) return 0;
  if (s->all) return 1;
  if (s->trusted && old.trusted && new.trusted) return 1;
  if (s->strangers && !old.trusted && !new.trusted && !old.denied && !new.denied) return 1;
  for (size_t i = 0; i < genalloc_len(struct diff_part, &s->parts); i++)
    if (in_part(genalloc_s(struct diff_part, &s->parts) + i, &d->classes, x)) return 1;
  return 0;
}

static int exchangers_in(struct table_set const *t, struct facts const *f)
{
  struct record r;
  if (f->mx != ANSWER_YES || !f->hosts_n) return 0;
  for (size_t i = 0; i < f->hosts_n; i++)
    if (match_to_host(t, f->hosts + i, &r) != 1) return 0;
  return 1;
}

static int in_when(genalloc const *terms, struct diff const *d, struct facts const *f)
{
  unsigned values[DIFF_PROPERTIES] = {
    !f->login ? 0 : f->login_may_relay ? 1 : 2, (unsigned)(stamp_in(d->t[0], f) + 2 * stamp_in(d->t[1], f)), f->tls,
    listener_is_submission(f->listener), f->mailbox == ANSWER_YES,
    (unsigned)(exchangers_in(d->t[0], f) + 2 * exchangers_in(d->t[1], f)) };
  for (size_t i = 0; i < genalloc_len(struct diff_term, terms); i++) {
    struct diff_term const *t = genalloc_s(struct diff_term, terms) + i;
    int all = 1;
    for (unsigned p = 0; p < DIFF_PROPERTIES; p++) all &= t->fits[p] >> values[p] & 1;
    if (all) return 1;
  }
  return 0;
}

/* A line's description. */
struct described {
  struct diff_line const *line;
  struct diff_clients clients;
  struct diff_addresses senders, recipients;
  genalloc when;
};

static void describe(struct described *x, struct diff const *d, struct diff_line const *l)
{
  *x = (struct described){ .line = l, .when = GENALLOC_ZERO };
  assert_int_equal(diff_describe_clients(&x->clients, d, l), 0);
  assert_int_equal(diff_describe_senders(&x->senders, d, l), 0);
  assert_int_equal(diff_describe_recipients(&x->recipients, d, l), 0);
  assert_int_equal(diff_describe_when(&x->when, d, &l->when), 0);
}

static void described_free(struct described *x)
{
  diff_clients_free(&x->clients);
  diff_addresses_free(&x->senders);
  diff_addresses_free(&x->recipients);
  genalloc_free(struct diff_term, &x->when);
}

/* Is the trial among those whom the line means? What is refused in any case never is: recipients that could route
 * onward, a submission listener without a login. */
static int in_line(struct described const *x, struct diff const *d, struct trial const *trial)
{
  enum diff_kind kind = x->line->kind;
  if (kind >= DIFF_LASTS) return 1;
  if (kind != DIFF_REDIRECTS && !in_clients(&x->clients, d, kind, trial)) return 0;
  if (kind > DIFF_REDIRECTS) return 1;
  size_t class = class_of(&d->classes, &trial->recipient);
  unsigned traits = diff_traits(d, 1, class, kind == DIFF_GAINS);
  if (trial->recipient.onward || !in_addresses(&x->recipients, d, 1, class)) return 0;
  if ((kind == DIFF_GAINS || kind == DIFF_LOSES) && traits & (RECIPIENT_DENIED | RECIPIENT_HOSTED)) return 0;
  if (kind == DIFF_REDIRECTS) return 1;
  if (!trial->facts.login && listener_is_submission(trial->facts.listener)) return 0;
  return in_addresses(&x->senders, d, 0, class_of(&d->classes, &trial->sender)) && in_when(&x->when, d, &trial->facts);
}

/* What the two tables themselves say. */

/* Ours in this table, or else denied (-1)? */
static int hosted(struct table_set const *t, struct address const *a)
{
  struct record r;
  if (!a->domain[0]) return 1;
  return match_to(t, "deny to", a, &r) > 0 ? -1 : match_hosted(t, a->domain, &r);
}

static enum diff_kind expected(struct diff const *d, struct trial *x)
{
  int outcome[2] = { 0, 0 };
  for (unsigned t = 0; t < 2; t++) {
    struct gate g = gate_of(d->t[t], x);
    struct decision decided;
    if (g.denied) return DIFF_NONE;
    x->facts.trusted = !!g.trusted;
    decide(&decided, d->t[t], &x->facts);
    assert_true(decided.verdict <= VERDICT_TEMPFAIL && decided.reason != REASON_TABLES);
    if (decided.verdict == VERDICT_ACCEPT) outcome[t] = reason_incoming(decided.reason) ? 2 : 1;
  }
  if (outcome[0] == outcome[1]) return DIFF_NONE;
  if (outcome[1] == 2) return hosted(d->t[0], &x->recipient) ? DIFF_TAKES : DIFF_HOSTS;
  if (outcome[0] == 2) return hosted(d->t[1], &x->recipient) ? DIFF_REFUSES : DIFF_UNHOSTS;
  return outcome[1] ? DIFF_GAINS : DIFF_LOSES;
}

static int expected_gate(struct diff const *d, struct trial const *x, enum diff_kind kind)
{
  struct gate old = gate_of(d->t[0], x), new = gate_of(d->t[1], x);
  switch (kind) {
    case DIFF_LETS_IN: return old.denied && !new.denied && !new.trusted;
    case DIFF_TRUSTS: return old.denied && !new.denied && new.trusted;
    case DIFF_SHUTS_OUT: return !old.denied && new.denied;
    case DIFF_BELIEVES: return new.proxy && !old.proxy;
    case DIFF_DOUBTS: return old.proxy && !new.proxy && !new.denied;
    default: return old.trusted && new.trusted && strcmp(old.value, new.value);
  }
}

static int expected_redirect(struct diff const *d, struct trial const *x)
{
  struct facts f = { .listener = "", .recipient = &x->recipient };
  struct decision a, b;
  decide(&a, d->t[0], &f);
  decide(&b, d->t[1], &f);
  if (a.verdict != VERDICT_ACCEPT || b.verdict != VERDICT_ACCEPT || !reason_incoming(a.reason) ||
      !reason_incoming(b.reason))
    return 0;
  if (a.reason != REASON_ALIAS && b.reason != REASON_ALIAS) return 0;
  return a.reason != b.reason || a.record.len != b.record.len || memcmp(a.record.data, b.record.data, a.record.len);
}

#endif
