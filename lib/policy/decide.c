/* The relay decision. Each step looks at one thing: 1: it has decided; 0: the next one is asked; -1: corrupt tables. */
#include <string.h>
#include <strings.h>
#include "policy/decide.h"
#include "policy/match.h"
#include "policy/pop.h"
#include "policy/route.h"

static int settle(struct decision *d, enum verdict v, enum reason r)
{
  d->verdict = v;
  d->reason = r;
  return 1;
}

/* Does the stamp, if there is one, count for this listener and this sender? *g is the line then. */
static int stamp_counts(struct pop_grant *g, struct table_set const *t, struct facts const *f)
{
  int found = f->stamp ? pop_find(g, t) : 0;
  return found > 0 ? pop_holds(g, t, f->listener, f->stamp, f->sender) : found;
}

static int find_origin(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct record r;
  struct pop_grant g;
  if (!f->sender || !f->sender->len) return 0;
  int hosted = match_hosted(t, f->sender->domain, &r);
  if (hosted <= 0) return hosted;
  int known = f->trusted || f->login ? 1 : stamp_counts(&g, t, f);
  if (known < 0) return -1;
  d->origin = known ? ORIGIN_LOCAL : ORIGIN_CLAIMED;
  return 0;
}

static int step_onward(struct decision *d, struct table_set const *t, struct facts const *f)
{
  (void)t;
  return f->recipient->onward ? settle(d, VERDICT_REFUSE, REASON_ONWARD) : 0;
}

int listener_is_submission(char const *name)
{
  return name && !strcasecmp(name, LISTENER_SUBMISSION);
}

static int step_submission(struct decision *d, struct table_set const *t, struct facts const *f)
{
  (void)t;
  if (f->login || !listener_is_submission(f->listener)) return 0;
  return settle(d, VERDICT_REFUSE, REASON_SUBMISSION);
}

static int step_bound(struct decision *d, struct table_set const *t, struct facts const *f)
{
  (void)t;
  return f->login && f->wrong_sender ? settle(d, VERDICT_REFUSE, REASON_WRONG_SENDER) : 0;
}

static int step_denied(struct decision *d, struct table_set const *t, struct facts const *f)
{
  int denied = match_to(t, "deny to", f->recipient, &d->record);
  return denied > 0 ? settle(d, VERDICT_REFUSE, REASON_DENIED) : denied;
}

static int is_postmaster(struct address const *a)
{
  return a->local_len == 10 && !strncasecmp(a->text, "postmaster", 10);
}

/* The next hop is asked, or has been. */
static int step_asked(struct decision *d, enum answer answer)
{
  switch (answer) {
    case ANSWER_YES: return settle(d, VERDICT_ACCEPT, REASON_CONFIRMED);
    case ANSWER_NO: return settle(d, VERDICT_REFUSE, REASON_NO_MAILBOX);
    case ANSWER_UNKNOWN: return settle(d, VERDICT_TEMPFAIL, REASON_MAILBOX_UNKNOWN);
    case ANSWER_NOT_ASKED: break;
  }
  return settle(d, VERDICT_ASK_MAILBOX, REASON_ASK);
}

/* The domain's own rule, when no line is about the mailbox. */
static int by_domain(struct decision *d, struct facts const *f, struct record const *rule)
{
  d->record = *rule;
  if (rule->len == 3 && !memcmp(rule->data, "any", 3)) return settle(d, VERDICT_ACCEPT, REASON_HOSTED);
  if (rule->len == 5 && !memcmp(rule->data, "asked", 5)) return step_asked(d, f->mailbox);
  if (rule->len != 6 || memcmp(rule->data, "listed", 6)) return -1;
  if (is_postmaster(f->recipient)) return settle(d, VERDICT_ACCEPT, REASON_HOSTED);
  return settle(d, VERDICT_REFUSE, REASON_NO_MAILBOX);
}

static int step_hosted(struct decision *d, struct table_set const *t, struct facts const *f)
{
  static struct { int (*match)(struct table_set const *, enum table, struct address const *, struct record *);
    enum table which; enum reason reason; } const lines[] = {
    { match_mailbox, TABLE_ALIASES, REASON_ALIAS }, { match_mailbox, TABLE_RECIPIENTS, REASON_LISTED },
    { match_catch_all, TABLE_ALIASES, REASON_ALIAS }, { match_catch_all, TABLE_RECIPIENTS, REASON_LISTED },
  };
  struct address const *a = f->recipient;
  struct record rule;
  if (!a->domain[0]) {
    if (!is_postmaster(a)) return 0;
    return table_find(t, TABLE_ME, "", 0, &d->record) == 1 ? settle(d, VERDICT_ACCEPT, REASON_HOSTED) : -1;
  }
  int found = match_hosted(t, a->domain, &rule);
  if (found <= 0) return found;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    found = lines[i].match(t, lines[i].which, a, &d->record);
    if (found) return found < 0 ? -1 : settle(d, VERDICT_ACCEPT, lines[i].reason);
  }
  return by_domain(d, f, &rule);
}

static int step_required(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct record r;
  int hosted = f->sender && f->sender->len ? match_hosted(t, f->sender->domain, &r) : 0;
  struct { char const *line; int holds; enum reason reason; } const all[] = {
    { "require login", f->login != 0, REASON_REQUIRE_LOGIN }, { "require tls", f->tls, REASON_REQUIRE_TLS },
    { "require sender hosted", hosted, REASON_REQUIRE_SENDER },
  };
  if (hosted < 0) return -1;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (all[i].holds) continue;
    int found = match_line(t, all[i].line, &r);
    if (found < 0 || (found && !r.line)) return -1;
    if (!found || (d->record.line && d->record.line <= r.line)) continue;
    d->record = r;
    settle(d, VERDICT_REFUSE, all[i].reason);
  }
  return d->record.line != 0;
}

/* Takes the grant if one was found, and none with a lower line before. */
static int take(struct decision *d, int found, struct record const *r, enum reason reason)
{
  if (found <= 0) return found;
  if (!r->line) return -1;
  if (d->record.line && d->record.line <= r->line) return 1;
  d->record = *r;
  return settle(d, VERDICT_ACCEPT, reason);
}

/* The same for a grant that is one line. */
static int take_line(struct decision *d, struct table_set const *t, int holds, char const *line, enum reason reason)
{
  struct record r;
  return holds ? take(d, match_line(t, line, &r), &r, reason) : 0;
}

static int take_pop(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct pop_grant g;
  return take(d, stamp_counts(&g, t, f), &g.record, REASON_POP);
}

static int step_grants(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct record r;
  if (take_line(d, t, f->trusted, "grant clients", REASON_CLIENT) < 0) return -1;
  if (take_line(d, t, f->login && f->login_may_relay, "grant login", REASON_LOGIN) < 0) return -1;
  if (take_pop(d, t, f) < 0) return -1;
  if (take_line(d, t, 1, "grant anyone", REASON_ANYONE) < 0) return -1;
  if (take(d, match_to(t, "grant to", f->recipient, &r), &r, REASON_TO) < 0) return -1;
  if (take(d, match_sender(t, f->sender, &r), &r, REASON_SENDER) < 0) return -1;
  if (take(d, match_device(t, &f->client, f->sender, f->recipient, &r), &r, REASON_DEVICE) < 0) return -1;
  return d->record.line != 0;
}

/* All addresses must be within granted prefixes, else the mail could go elsewhere, as it does when a route names a
 * relay: then the DNS says nothing about it. The first line of them gives the reason. */
static int step_to_host(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct record r;
  int v4 = match_line(t, "grant to-host/4", &r), v6 = match_line(t, "grant to-host/6", &r);
  if (v4 < 0 || v6 < 0) return -1;
  if ((!v4 && !v6) || f->mx == ANSWER_NO) return 0;
  int by_mx = route_by_mx(t, f->recipient->domain);
  if (by_mx <= 0) return by_mx;
  if (f->mx == ANSWER_NOT_ASKED) return settle(d, VERDICT_ASK_MX, REASON_ASK);
  if (f->mx == ANSWER_UNKNOWN) return settle(d, VERDICT_TEMPFAIL, REASON_MX_UNKNOWN);
  struct record none = d->record;
  for (size_t i = 0; i < f->hosts_n; i++) {
    int found = take(d, match_to_host(t, f->hosts + i, &r), &r, REASON_TO_HOST);
    if (found > 0) continue;
    d->record = none;
    return found;
  }
  return d->record.line != 0;
}

/* A stamp that nobody could look for might have been there. Whose senders it would allow isn't known either. */
static int step_stamp(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct pop_grant g;
  if (f->stamp || !f->stamp_unknown) return 0;
  int found = pop_find(&g, t);
  if (found <= 0) return found;
  return pop_listens(&g, f->listener) ? settle(d, VERDICT_TEMPFAIL, REASON_STAMP_UNKNOWN) : 0;
}

static int step_refuse(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct record r;
  if (f->login && !f->login_may_relay) {
    int found = match_line(t, "grant login", &r);
    if (found < 0) return -1;
    if (found) return settle(d, VERDICT_REFUSE, REASON_NO_PRIVILEGE);
  }
  return settle(d, VERDICT_REFUSE, f->recipient->literal ? REASON_LITERAL : REASON_NOT_GRANTED);
}

void decide(struct decision *d, struct table_set const *t, struct facts const *f)
{
  static int (*const steps[])(struct decision *, struct table_set const *, struct facts const *) = {
    find_origin, step_submission, step_bound, step_onward, step_denied, step_hosted, step_required, step_grants,
    step_to_host, step_stamp, step_refuse
  };
  static struct decision const none = { VERDICT_TEMPFAIL, REASON_TABLES, ORIGIN_EXTERNAL, { "", 0, "", 0 } };
  int decided = t ? 0 : -1;
  *d = none;
  for (size_t i = 0; !decided && i < sizeof steps / sizeof *steps; i++) decided = steps[i](d, t, f);
  if (decided < 0 || !table_whole(t)) *d = none;
}

char const *reason_word(enum reason r)
{
  static char const *const words[] = {
#define X(name, word) word,
    REASONS(X)
#undef X
  };
  return r < REASON_COUNT ? words[r] : "";
}

char const *answer_word(enum answer a)
{
  static char const *const words[] = { "", "yes", "no", "unknown" };
  return a <= ANSWER_UNKNOWN ? words[a] : "";
}

char const *origin_word(enum origin o)
{
  static char const *const words[] = { "local", "claimed", "external" };
  return o <= ORIGIN_EXTERNAL ? words[o] : "";
}
