/* The explanation for programs. The man page of relay-explain documents the fields: they may become more, not others.
 * */
#include <string.h>
#include "explain/parts.h"
#include "explain/print.h"
#include "smtp/reply.h"

static void pair(struct json *j, char const *key, char const *value)
{
  json_key(j, key);
  json_str(j, value);
}

/* null when there is no line. */
static void put_place(struct json *j, char const *key, struct record const *r)
{
  json_key(j, key);
  if (!r->line) {
    json_null(j);
    return;
  }
  json_object(j);
  pair(j, "file", r->file);
  json_key(j, "line");
  json_number(j, r->line);
  json_end(j);
}

static char const *or_null(char const *s)
{
  return s && *s ? s : 0;
}

static void put_facts(struct json *j, struct explanation const *x, struct question const *q)
{
  struct facts const *f = &q->facts;
  char ip[IP_TEXT] = "";
  if (f->client.len) ip_fmt(ip, &f->client);
  json_key(j, "facts");
  json_object(j);
  pair(j, "client", or_null(ip));
  pair(j, "host", q->host);
  pair(j, "info", q->info);
  put_place(j, "client_rule", &x->outcome.gate);
  json_key(j, "trusted");
  json_bool(j, f->trusted);
  pair(j, "relayclient", q->relayclient);
  pair(j, "listener", or_null(f->listener));
  pair(j, "login", f->login);
  json_key(j, "privilege");
  json_bool(j, f->login && f->login_may_relay);
  json_key(j, "wrong_sender");
  json_bool(j, f->login && f->wrong_sender);
  json_key(j, "tls");
  json_bool(j, f->tls);
  pair(j, "pop", f->stamp);
  json_key(j, "pop_unknown");
  json_bool(j, f->stamp_unknown);
  pair(j, "sender", q->sender_error ? 0 : q->sender.text);
  pair(j, "recipient", q->recipient_error || !q->has_recipient ? 0 : q->recipient.text);
  pair(j, "becomes", x->outcome.stage == STAGE_CHANGED ? x->outcome.changed.text : 0);
  pair(j, "mailbox", or_null(answer_word(f->mailbox)));
  pair(j, "mx", or_null(answer_word(f->mx)));
  json_key(j, "hosts");
  json_array(j);
  for (size_t i = 0; f->mx == ANSWER_YES && i < f->hosts_n; i++) {
    ip_fmt(ip, f->hosts + i);
    json_str(j, ip);
  }
  json_end(j);
  json_end(j);
}

static void put_lines(struct json *j, struct explanation const *x)
{
  static char const *const standings[] = {
#define X(name, word) word,
    STANDINGS(X)
#undef X
  };
  static char const *const others[] = {
#define X(name, word) word,
    OTHERS(X)
#undef X
  };
  struct explained const *e = genalloc_s(struct explained, &x->lines);
  json_key(j, "lines");
  json_array(j);
  for (size_t i = 0; i < genalloc_len(struct explained, &x->lines); i++) {
    json_object(j);
    pair(j, "file", file_name(e[i].which));
    json_key(j, "line");
    json_number(j, e[i].line);
    pair(j, "text", explained_text(x, e[i].text));
    pair(j, "standing", standings[e[i].standing]);
    pair(j, "why", explained_text(x, e[i].why));
    json_end(j);
  }
  json_end(j);
  json_key(j, "others");
  json_object(j);
  for (int i = 0; i < OTHER_COUNT; i++) {
    if (!x->others[i]) continue;
    json_key(j, others[i]);
    json_number(j, x->others[i]);
  }
  json_end(j);
}

static void put_prospects(struct json *j, struct explanation const *x)
{
  char reply[REPLY_LINE];
  json_key(j, "outcomes");
  json_array(j);
  for (unsigned i = 0; i < x->prospects_n; i++) {
    struct prospect const *p = x->prospects + i;
    json_object(j);
    pair(j, "if", p->answer);
    pair(j, "verdict", verdict_word(p->decision.verdict));
    pair(j, "reason", reason_word(p->decision.reason));
    json_key(j, "reply");
    json_string(j, reply, reply_fmt(reply, p->reply, 0) - 2);
    put_place(j, "rule", &p->decision.record);
    json_end(j);
  }
  json_end(j);
}

static void put_edit(struct json *j, struct explanation const *x, struct edit const *e)
{
  static char const *const actions[] = { "add", "remove", "replace" };
  json_object(j);
  pair(j, "action", actions[e->action]);
  pair(j, "file", file_name(e->which));
  json_key(j, "line");
  if (e->line) json_number(j, e->line);
  else json_null(j);
  pair(j, "text", explained_text(x, e->text));
  pair(j, "by", e->action == ACTION_REPLACE ? explained_text(x, e->by) : 0);
  pair(j, "note", e->note);
  json_end(j);
}

static void put_changes(struct json *j, struct explanation const *x)
{
  struct change const *c = genalloc_s(struct change, &x->changes);
  json_key(j, "changes");
  if (x->tried) json_array(j);
  else json_null(j);
  for (size_t i = 0; i < genalloc_len(struct change, &x->changes) && x->tried; i++) {
    json_object(j);
    json_key(j, "edits");
    json_array(j);
    for (unsigned k = 0; k < c[i].n; k++) put_edit(j, x, c[i].edits + k);
    json_end(j);
    pair(j, "verdict", verdict_word(c[i].verdict));
    pair(j, "reason", c[i].reason);
    json_end(j);
  }
  if (x->tried) json_end(j);
  json_key(j, "advice");
  json_array(j);
  for (unsigned i = 0; i < x->advice_n; i++) json_str(j, x->advice[i]);
  json_end(j);
}

static void put_logged(struct json *j, struct explanation const *x, struct logged const *l)
{
  json_key(j, "logged");
  json_object(j);
  pair(j, "verdict", l->verdict);
  pair(j, "reason", l->reason);
  pair(j, "rule", or_null(l->rule));
  pair(j, "trusted", or_null(l->trusted));
  pair(j, "id", or_null(l->id));
  json_key(j, "same");
  json_bool(j, logged_same(x, l));
  json_end(j);
}

void explain_json(struct json *j, struct explanation const *x, struct question const *q, struct logged const *l)
{
  json_object(j);
  pair(j, "verdict", verdict_word(x->outcome.decision.verdict));
  pair(j, "reason", outcome_word(&x->outcome));
  pair(j, "meaning", outcome_meaning(&x->outcome));
  pair(j, "reply", or_null(x->reply));
  pair(j, "origin", origin_word(x->outcome.decision.origin));
  put_place(j, "rule", &x->outcome.decision.record);
  put_facts(j, x, q);
  put_lines(j, x);
  put_prospects(j, x);
  put_changes(j, x);
  if (l) put_logged(j, x, l);
  json_end(j);
}
