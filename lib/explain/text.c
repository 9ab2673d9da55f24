/* The explanation for people. */
#include <string.h>
#include "explain/parts.h"
#include "explain/print.h"
#include "parse/number.h"
#include "smtp/reply.h"

#define LABEL 12 /* columns of what stands before a fact */

/* `label` and a value from outside. */
static int fact(stralloc *out, char const *label, char const *value)
{
  size_t from = out->len;
  return stralloc_cats(out, label) && print_pad(out, from, LABEL) && print(out, value) && stralloc_cats(out, "\n");
}

/* The same if there is a value. */
static int given(stralloc *out, char const *label, char const *value)
{
  return !value || !*value || fact(out, label, value);
}

static int put_client(stralloc *out, struct explanation const *x, struct question const *q)
{
  char ip[IP_TEXT] = "unknown";
  struct record const *gate = &x->outcome.gate;
  size_t from = out->len;
  if (q->facts.client.len) ip_fmt(ip, &q->facts.client);
  int ok = stralloc_cats(out, "client") && print_pad(out, from, LABEL) && PRINT(out, ip, ", ");
  if (!q->facts.trusted) ok = ok && stralloc_cats(out, x->outcome.stage == STAGE_GATE ? "denied" : "a stranger");
  else ok = ok && stralloc_cats(out, q->facts.trusted_by.line ? "trusted" : "trusted by the listener's environment");
  if (!gate->line) ok = ok && stralloc_cats(out, " (no line of clients is about it)");
  else ok = ok && stralloc_cats(out, " (") && print_place(out, gate->file, gate->line) && stralloc_cats(out, ")");
  return ok && stralloc_cats(out, "\n") && given(out, "host", q->host) && given(out, "info", q->info) &&
    given(out, "RELAYCLIENT", q->relayclient);
}

static int put_mx(stralloc *out, struct facts const *f)
{
  char ip[IP_TEXT];
  size_t from = out->len;
  if (f->mx != ANSWER_YES) return given(out, "mx", answer_word(f->mx));
  int ok = stralloc_cats(out, "mx") && print_pad(out, from, LABEL);
  for (size_t i = 0; i < f->hosts_n && ok; i++) {
    ip_fmt(ip, f->hosts + i);
    ok = PRINT(out, i ? ", " : "", ip);
  }
  return ok && stralloc_cats(out, "\n");
}

static int put_facts(stralloc *out, struct explanation const *x, struct question const *q)
{
  struct facts const *f = &q->facts;
  size_t from = out->len;
  int ok = put_client(out, x, q) && given(out, "listener", f->listener);
  if (f->login) {
    from = out->len;
    ok = ok && stralloc_cats(out, "login") && print_pad(out, from, LABEL) && print(out, f->login) &&
      stralloc_cats(out, f->login_may_relay ? "" : ", without the privilege to relay") &&
      stralloc_cats(out, f->wrong_sender ? ", bound to other senders\n" : "\n");
  }
  if (f->stamp) ok = ok && fact(out, "POP stamp", *f->stamp ? f->stamp : "of nobody known");
  else if (f->stamp_unknown) ok = ok && fact(out, "POP stamp", "unknown: the stamps could not be read");
  ok = ok && (!f->tls || fact(out, "TLS", "yes"));
  from = out->len;
  ok = ok && stralloc_cats(out, "sender") && print_pad(out, from, LABEL);
  if (q->sender_error) ok = ok && stralloc_cats(out, "no address\n");
  else ok = ok && print(out, *q->sender.text ? q->sender.text : "<>") &&
    PRINT(out, " (", origin_word(x->outcome.decision.origin), ")\n");
  if (q->has_recipient) ok = ok && fact(out, "recipient", q->recipient_error ? "no address" : q->recipient.text);
  if (x->outcome.stage == STAGE_CHANGED) ok = ok && fact(out, "becomes", x->outcome.changed.text);
  return ok && given(out, "mailbox", answer_word(f->mailbox)) && put_mx(out, f);
}

static int put_line(stralloc *out, struct explanation const *x, struct explained const *e)
{
  static char const *const words[] = {
#define X(name, word) word,
    STANDINGS(X)
#undef X
  };
  size_t from = out->len;
  return PRINT(out, "  ", words[e->standing]) && print_pad(out, from, 10) && print_place(out, file_name(e->which),
    e->line) &&
    stralloc_cats(out, " `") && print(out, explained_text(x, e->text)) && PRINT(out, "`: ", explained_text(x, e->why),
      "\n");
}

static int put_others(stralloc *out, struct explanation const *x)
{
  static char const *const words[] = {
#define X(name, word) word,
    OTHERS(X)
#undef X
  };
  char digits[NUMBER_TEXT];
  int ok = 1, some = 0;
  for (int i = 0; i < OTHER_COUNT && ok; i++) {
    if (!x->others[i]) continue;
    number_fmt(digits, x->others[i]);
    ok = PRINT(out, some++ ? ", " : "  besides, not about these facts: ", digits, " of ", words[i]);
  }
  return ok && (!some || stralloc_cats(out, "\n"));
}

static int put_lines(stralloc *out, struct explanation const *x)
{
  struct explained const *e = genalloc_s(struct explained, &x->lines);
  size_t n = genalloc_len(struct explained, &x->lines);
  int ok = stralloc_cats(out, "lines\n");
  for (size_t i = 0; i < n && ok; i++) ok = put_line(out, x, e + i);
  return ok && (n || stralloc_cats(out, "  none is about these facts\n")) && put_others(out, x);
}

static int put_prospects(stralloc *out, struct explanation const *x)
{
  char reply[REPLY_LINE];
  int ok = !x->prospects_n || stralloc_cats(out, "it depends on the network\n");
  for (unsigned i = 0; i < x->prospects_n && ok; i++) {
    struct prospect const *p = x->prospects + i;
    ok = PRINT(out, "  if ", p->answer, ": ", verdict_word(p->decision.verdict), ", ", reason_word(p->decision.reason));
    if (ok && p->decision.record.line)
      ok = stralloc_cats(out, ", ") && print_place(out, p->decision.record.file, p->decision.record.line);
    ok = ok && stralloc_cats(out, ": ") && stralloc_catb(out, reply, reply_fmt(reply, p->reply, 0) - 2) &&
      stralloc_cats(out, "\n");
  }
  return ok;
}

static int put_edit(stralloc *out, struct explanation const *x, struct edit const *e, int first)
{
  int ok = stralloc_cats(out, first ? "  - " : "    and ");
  if (e->action == ACTION_ADD) ok = ok && PRINT(out, "add to ", file_name(e->which), ": ");
  else ok = ok && stralloc_cats(out, e->action == ACTION_REMOVE ? "remove " : "replace ") &&
    print_place(out, file_name(e->which), e->line) && stralloc_cats(out, ": ");
  ok = ok && print(out, explained_text(x, e->text)) && stralloc_cats(out, "\n");
  if (e->action == ACTION_REPLACE)
    ok = ok && stralloc_cats(out, "    by: ") && print(out, explained_text(x, e->by)) && stralloc_cats(out, "\n");
  return ok && PRINT(out, "      (", e->note, ")\n");
}

static int put_changes(stralloc *out, struct explanation const *x)
{
  struct change const *c = genalloc_s(struct change, &x->changes);
  size_t n = genalloc_len(struct change, &x->changes);
  int ok = 1, refused = x->outcome.decision.verdict != VERDICT_ACCEPT;
  for (unsigned i = 0; i < x->advice_n && ok; i++)
    ok = PRINT(out, "to have it accepted without a change of the rules: ", x->advice[i], "\n");
  if (!ok || !x->tried) return ok;
  if (!n) return PRINT(out, "no small change of the rules was found to have it ", refused ? "accepted\n" : "refused\n");
  ok = PRINT(out, "to have it ", refused ? "accepted" : "refused", n > 1 ? ", one of these changes of the rules\n" :
    ", a change of the rules\n");
  for (size_t i = 0; i < n && ok; i++)
    for (unsigned k = 0; k < c[i].n && ok; k++) ok = put_edit(out, x, c[i].edits + k, !k);
  return ok;
}

/* What the log said, and whether the rules say the same today. */
static int put_logged(stralloc *out, struct explanation const *x, struct logged const *l)
{
  size_t from = out->len;
  int ok = stralloc_cats(out, "logged") && print_pad(out, from, LABEL) && print(out, l->verdict) &&
    stralloc_cats(out, ", ") && print(out, l->reason);
  if (*l->rule) ok = ok && stralloc_cats(out, ", ") && print(out, l->rule);
  return ok && stralloc_cats(out, logged_same(x,
    l) ? " (these rules say the same)\n" : " (these rules say something else)\n");
}

int explain_text(stralloc *out, struct explanation const *x, struct question const *q, struct logged const *l)
{
  struct record const *r = &x->outcome.decision.record;
  int ok = PRINT(out, verdict_word(x->outcome.decision.verdict), ": ", outcome_meaning(&x->outcome), "\n");
  ok = ok && given(out, "reply", x->reply) && fact(out, "reason", outcome_word(&x->outcome));
  if (ok && r->line) {
    size_t from = out->len;
    ok = stralloc_cats(out, "rule") && print_pad(out, from, LABEL) && print_place(out, r->file, r->line) &&
      stralloc_cats(out, "\n");
  }
  return ok && (!l || put_logged(out, x, l)) && put_facts(out, x, q) && put_lines(out, x) && put_prospects(out, x) &&
    put_changes(out, x);
}
