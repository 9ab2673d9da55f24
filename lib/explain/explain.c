/* The explanation's frame: the verdict, what the network could make of it, what helps without a change of the rules. */
#include <string.h>
#include "explain/parts.h"
#include "policy/match.h"
#include "smtp/verdict.h"

int explain_status(enum verdict v)
{
  switch (v) {
    case VERDICT_ACCEPT: return 0;
    case VERDICT_REFUSE: return 1;
    case VERDICT_TEMPFAIL: return 2;
    case VERDICT_ASK_MAILBOX:
    case VERDICT_ASK_MX: break;
  }
  return 3;
}

char const *verdict_word(enum verdict v)
{
  static char const *const words[] = { "accepted", "refused", "deferred", "undecided" };
  return words[explain_status(v)];
}

char const *outcome_word(struct outcome const *o)
{
  switch (o->stage) {
    case STAGE_GATE: return o->decision.verdict == VERDICT_REFUSE ? "client-denied" : reason_word(REASON_TABLES);
    case STAGE_SENDER: return "sender-syntax";
    case STAGE_RECIPIENT: return "recipient-syntax";
    case STAGE_NOWHERE: return "appended";
    case STAGE_GIVEN:
    case STAGE_CHANGED: break;
  }
  return reason_word(o->decision.reason);
}

char const *outcome_meaning(struct outcome const *o)
{
  static char const *const meanings[REASON_COUNT] = {
    [REASON_HOSTED] = "mail for a hosted domain", [REASON_LISTED] = "a listed recipient of a hosted domain",
    [REASON_ALIAS] = "an alias of a hosted domain", [REASON_CONFIRMED] = "a recipient that the next hop confirms",
    [REASON_CLIENT] = "relayed: the client's address is trusted", [REASON_LOGIN] = "relayed: the login may relay",
    [REASON_POP] = "relayed: the client has a fresh POP stamp", [REASON_TO] = "relayed: the recipient is granted",
    [REASON_TO_HOST] = "relayed: the recipient's mail exchangers are granted",
    [REASON_SENDER] = "relayed: the sender is granted, whoever gives it", [REASON_DEVICE] = "relayed: a device's grant",
    [REASON_ANYONE] = "relayed: anybody may, this is an open relay",
    [REASON_NOT_GRANTED] = "relaying, and no grant holds",
      [REASON_ONWARD] = "the local part could route the mail onward",
    [REASON_LITERAL] = "an address literal that is not listed, and no grant holds",
    [REASON_NO_PRIVILEGE] = "relaying, and the login lacks the privilege",
    [REASON_SUBMISSION] = "the listener wants a login first", [REASON_DENIED] = "the recipient is denied to everybody",
    [REASON_WRONG_SENDER] = "the login may not use this sender",
    [REASON_NO_MAILBOX] = "the hosted domain has no such recipient",
    [REASON_REQUIRE_SENDER] = "relaying requires a sender of a hosted domain",
    [REASON_REQUIRE_LOGIN] = "relaying requires a login", [REASON_REQUIRE_TLS] = "relaying requires TLS",
    [REASON_MAILBOX_UNKNOWN] = "the next hop cannot be asked about the recipient",
    [REASON_MX_UNKNOWN] = "the recipient's mail exchangers cannot be looked up",
    [REASON_STAMP_UNKNOWN] = "relaying, and whether the client has a POP stamp cannot be told",
    [REASON_ASK] = "the network must be asked", [REASON_TABLES] = "no rules, or damaged ones",
  };
  switch (o->stage) {
    case STAGE_GATE:
      return o->decision.verdict == VERDICT_REFUSE ? "the client may not even connect" : meanings[REASON_TABLES];
    case STAGE_SENDER: return "the sender is no address";
    case STAGE_RECIPIENT: return "the recipient is no address";
    case STAGE_NOWHERE: return "no address comes of the recipient with RELAYCLIENT's value behind it";
    case STAGE_GIVEN:
    case STAGE_CHANGED: break;
  }
  return o->decision.reason < REASON_COUNT ? meanings[o->decision.reason] : "";
}

enum step outcome_step(struct outcome const *o)
{
  static enum step const steps[REASON_COUNT] = {
    [REASON_WRONG_SENDER] = STEP_BOUND, [REASON_SUBMISSION] = STEP_SUBMISSION,
    [REASON_ONWARD] = STEP_ONWARD, [REASON_DENIED] = STEP_DENIED,
    [REASON_HOSTED] = STEP_HOSTED, [REASON_LISTED] = STEP_HOSTED, [REASON_ALIAS] = STEP_HOSTED,
    [REASON_CONFIRMED] = STEP_HOSTED, [REASON_NO_MAILBOX] = STEP_HOSTED, [REASON_MAILBOX_UNKNOWN] = STEP_HOSTED,
    [REASON_REQUIRE_SENDER] = STEP_REQUIRED, [REASON_REQUIRE_LOGIN] = STEP_REQUIRED,
    [REASON_REQUIRE_TLS] = STEP_REQUIRED, [REASON_CLIENT] = STEP_GRANTS, [REASON_LOGIN] = STEP_GRANTS,
    [REASON_POP] = STEP_GRANTS, [REASON_TO] = STEP_GRANTS, [REASON_SENDER] = STEP_GRANTS,
    [REASON_DEVICE] = STEP_GRANTS, [REASON_ANYONE] = STEP_GRANTS, [REASON_TO_HOST] = STEP_TO_HOST,
    [REASON_MX_UNKNOWN] = STEP_TO_HOST, [REASON_NOT_GRANTED] = STEP_END, [REASON_LITERAL] = STEP_END,
    [REASON_NO_PRIVILEGE] = STEP_END, [REASON_STAMP_UNKNOWN] = STEP_END,
  };
  if (o->stage != STAGE_GIVEN && o->stage != STAGE_CHANGED) return o->stage == STAGE_GATE ? STEP_GATE : STEP_SYNTAX;
  if (o->decision.verdict == VERDICT_ASK_MAILBOX) return STEP_HOSTED;
  if (o->decision.verdict == VERDICT_ASK_MX) return STEP_TO_HOST;
  return o->decision.reason < REASON_COUNT ? steps[o->decision.reason] : STEP_SYNTAX;
}

static enum reply reply_of(struct outcome const *o, struct question const *q)
{
  switch (o->stage) {
    case STAGE_SENDER: return sender_reply(q->sender_error);
    case STAGE_RECIPIENT: return q->has_recipient ? recipient_reply(q->recipient_error) : REPLY_RECIPIENT_SYNTAX;
    case STAGE_NOWHERE: return REPLY_APPENDED;
    default: return verdict_reply(&o->decision);
  }
}

void explain_reply(char out[REPLY_LINE], struct outcome const *o, struct question const *q)
{
  char const *gate = o->decision.verdict == VERDICT_REFUSE ? GATE_SMTP_DENIED : GATE_SMTP_FAILED;
  size_t n = strlen(gate);
  *out = 0;
  if (o->decision.verdict > VERDICT_TEMPFAIL) return;
  if (o->stage == STAGE_GATE) memcpy(out, gate, n);
  else n = reply_fmt(out, reply_of(o, q), 0);
  out[n - 2] = 0;
}

/* One answer, tried. */
static void foresee(struct explanation *x, struct question *q, struct table_set const *t, char const *answer,
                    enum answer mailbox, enum answer mx)
{
  struct facts f = q->facts;
  struct prospect *p = x->prospects + x->prospects_n++;
  if (x->outcome.decision.verdict == VERDICT_ASK_MAILBOX) f.mailbox = mailbox;
  else f.mx = mx;
  p->answer = answer;
  decide(&p->decision, t, &f);
  p->reply = verdict_reply(&p->decision);
}

/* An address within the first line of `grant to-host`, put into *ip, stands for all within. */
static void representative(struct question *q, struct ip *ip, struct table_set const *t)
{
  struct record r;
  struct piece key, arg;
  enum table which;
  uint32_t pos = 0;
  unsigned bits;
  q->facts.hosts_n = 0;
  while (table_next(t, &pos, &which, &key.s, &key.n, &r) > 0) {
    if (which != TABLE_RELAY || !r.line || statement(key, &arg) != SAYS_TO_HOST) continue;
    if (!gate_cidr_scan(ip, &bits, arg.s, arg.n)) continue;
    q->facts.hosts = ip;
    q->facts.hosts_n = 1;
    return;
  }
}

static void look_ahead(struct explanation *x, struct question *q, struct table_set const *t)
{
  struct ip ip;
  if (x->outcome.decision.verdict == VERDICT_ASK_MAILBOX) {
    foresee(x, q, t, "the next hop takes the recipient", ANSWER_YES, 0);
    foresee(x, q, t, "the next hop refuses the recipient", ANSWER_NO, 0);
    foresee(x, q, t, "the next hop cannot be asked", ANSWER_UNKNOWN, 0);
  } else if (x->outcome.decision.verdict == VERDICT_ASK_MX) {
    representative(q, &ip, t);
    foresee(x, q, t, "all mail exchangers of the domain are granted", 0, ANSWER_YES);
    q->facts.hosts = 0;
    q->facts.hosts_n = 0;
    foresee(x, q, t, "not all of them are, or there is none", 0, ANSWER_NO);
    foresee(x, q, t, "the DNS cannot be asked", 0, ANSWER_UNKNOWN);
  }
}

void explain(struct explanation *x, struct question *q, struct table_set const *t, struct neighbours const *around)
{
  x->text.len = 0;
  genalloc_setlen(struct explained, &x->lines, 0);
  genalloc_setlen(struct change, &x->changes, 0);
  memset(x->others, 0, sizeof x->others);
  x->prospects_n = x->advice_n = 0;
  x->tried = 0;
  x->broken = 0;
  question_decide(&x->outcome, q, t);
  explain_reply(x->reply, &x->outcome, q);
  if (!t) return;
  survey(x, q, t);
  look_ahead(x, q, t);
  if (x->outcome.stage >= STAGE_GIVEN &&
      (x->outcome.decision.verdict == VERDICT_REFUSE || x->outcome.decision.reason == REASON_STAMP_UNKNOWN))
    advise(x, q, t);
  find_changes(x, q, t, around);
}

void explanation_free(struct explanation *x)
{
  stralloc_free(&x->text);
  genalloc_free(struct explained, &x->lines);
  genalloc_free(struct change, &x->changes);
}
