/* The way of a recipient: what relay-gate and relay-smtpd do one after the other. */
#include <string.h>
#include "facts/facts.h"
#include "policy/appended.h"

static void settle(struct outcome *o, enum stage stage, enum verdict v, enum reason r)
{
  o->stage = stage;
  o->decision.verdict = v;
  o->decision.reason = r;
}

/* Whom the gate lets in, and with what. A rule's RELAYCLIENT wins over the environment's. Returns whether it does. */
static int pass_gate(struct outcome *o, struct question *q, struct table_set const *t)
{
  uint32_t pos = 0;
  char const *var;
  int more;
  enum gate_verdict v = gate_find(t, &q->facts.client, q->host, q->info, &o->gate);
  q->relayclient = q->environment;
  q->facts.trusted_by.file = 0;
  q->facts.trusted_by.line = 0;
  if (v != GATE_TEMPFAIL) {
    while ((more = gate_variable(&o->gate, &pos, &var)) > 0) {
      if (strncmp(var, "RELAYCLIENT=", 12)) continue;
      q->relayclient = var + 12;
      q->facts.trusted_by.file = o->gate.file;
      q->facts.trusted_by.line = o->gate.line;
    }
    if (more < 0) v = GATE_TEMPFAIL;
  }
  q->facts.trusted = q->relayclient != 0;
  if (v == GATE_ALLOW) return 1;
  if (v == GATE_DENY) settle(o, STAGE_GATE, VERDICT_REFUSE, REASON_DENIED);
  else settle(o, STAGE_GATE, VERDICT_TEMPFAIL, REASON_TABLES);
  o->decision.record = o->gate;
  return 0;
}

/* The recipient as it travels on before the value comes behind it: postmaster gets our name, as relay-smtpd has it. */
static void complete(struct address *a, struct table_set const *t)
{
  struct record me;
  if (a->local_len < a->len || table_find(t, TABLE_ME, "", 0, &me) != 1 || a->len + 1 + me.len > LIMIT_ADDRESS) return;
  a->text[a->len++] = '@';
  memcpy(a->text + a->len, me.data, me.len);
  a->len += me.len;
  a->text[a->len] = 0;
}

int question_becomes(struct address *out, struct question const *q, struct table_set const *t)
{
  struct address given = q->recipient;
  complete(&given, t);
  return appended(out, &given, q->relayclient);
}

/* Whatever recipient would come: decide() looks at no recipient before that. */
static int refused_at_mail(struct facts const *f)
{
  return f->login && f->wrong_sender;
}

void question_decide(struct outcome *o, struct question *q, struct table_set const *t)
{
  static struct outcome const none = {
    .decision = { .origin = ORIGIN_EXTERNAL, .record = { .file = "", .data = "" } },
    .gate = { .file = "clients", .data = "" },
  };
  *o = none;
  q->facts.recipient = &q->recipient;
  question_answers(q, &q->given);
  if (!pass_gate(o, q, t)) {
    ;
  } else if (q->sender_error) {
    settle(o, STAGE_SENDER, VERDICT_REFUSE, REASON_COUNT);
  } else if (q->recipient_error || (!q->has_recipient && !refused_at_mail(&q->facts))) {
    settle(o, STAGE_RECIPIENT, VERDICT_REFUSE, REASON_COUNT);
  } else {
    o->stage = STAGE_GIVEN;
    decide(&o->decision, t, &q->facts);
  }
  o->given = o->decision;
  if (o->stage != STAGE_GIVEN || o->decision.verdict != VERDICT_ACCEPT || !q->relayclient || !*q->relayclient) return;
  if (!question_becomes(&o->changed, q, t)) {
    settle(o, STAGE_NOWHERE, VERDICT_TEMPFAIL, REASON_COUNT);
    o->decision.record = none.decision.record;
    return;
  }
  o->stage = STAGE_CHANGED;
  q->facts.recipient = &o->changed;
  if (q->apart) question_answers(q, &q->becomes);
  decide(&o->decision, t, &q->facts);
}
