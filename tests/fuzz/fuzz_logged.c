/* Lines of the log: whatever is read can be written as relay-smtpd writes it, and reads the same again. */
#include <stdio.h>
#include "codec/escape.h"
#include "facts/facts.h"
#include "fuzz.h"

static char again[131072];
static size_t n;

static void put(char const *key, char const *value)
{
  if (!value) return;
  n += (size_t)sprintf(again + n, " %s=", key);
  n += codec_escape(again + n, value, strlen(value));
}

static void put_answers(char const *mailbox, char const *mx, struct question_answers const *a)
{
  char text[QUESTION_HOSTS * IP_TEXT];
  size_t m = 0;
  if (a->mailbox) put(mailbox, answer_word(a->mailbox));
  for (size_t i = 0; i < a->hosts_n && a->mx == ANSWER_YES; i++) {
    if (i) text[m++] = ',';
    m += ip_fmt(text + m, a->hosts + i);
  }
  if (a->mx) put(mx, m ? text : answer_word(a->mx));
}

static void write_line(struct question const *q, struct logged const *l)
{
  char ip[IP_TEXT] = "unknown";
  struct facts const *f = &q->facts;
  if (f->client.len) ip_fmt(ip, &f->client);
  n = (size_t)sprintf(again, "relay-smtpd: event=%s", q->has_recipient ? "recipient" : "refused");
  put("client", ip);
  if (q->has_recipient) put("verdict", l->verdict);
  put("sender", q->sender.text);
  if (q->has_recipient) put("recipient", q->recipient.text);
  if (f->wrong_sender) put("wrong-sender", "1");
  put("host", q->host);
  put("info", q->info);
  put("listener", f->listener);
  put("trusted", q->environment ? "environment" : l->trusted);
  put("relayclient", q->environment);
  put("login", f->login);
  if (f->login && !f->login_may_relay) put("norelay", "1");
  if (f->tls) put("tls", "1");
  put("pop", f->stamp);
  if (f->stamp_unknown) put("pop-unknown", "1");
  put_answers("mailbox", "mx", &q->given);
  put_answers("becomes-mailbox", "becomes-mx", &q->becomes);
  put("reason", l->reason);
  put("rule", l->rule);
}

static int same(char const *a, char const *b)
{
  return a == b || (a && b && !strcmp(a, b));
}

static void compare_answers(struct question_answers const *a, struct question_answers const *b)
{
  MUST(a->mailbox == b->mailbox && a->mx == b->mx && a->hosts_n == b->hosts_n);
  MUST(!memcmp(a->hosts, b->hosts, a->hosts_n * sizeof *a->hosts));
}

static void compare(struct question const *a, struct question const *b)
{
  struct facts const *f = &a->facts, *g = &b->facts;
  MUST(!memcmp(&f->client, &g->client, sizeof f->client) && f->tls == g->tls);
  MUST(f->login_may_relay == g->login_may_relay && f->wrong_sender == g->wrong_sender);
  MUST(f->stamp_unknown == g->stamp_unknown);
  compare_answers(&a->given, &b->given);
  compare_answers(&a->becomes, &b->becomes);
  MUST(same(a->host, b->host) && same(a->info, b->info) && same(f->listener, g->listener) && same(f->login, g->login));
  MUST(same(f->stamp, g->stamp) && same(a->environment, b->environment));
  MUST(same(a->sender.text, b->sender.text) && same(a->recipient.text, b->recipient.text));
  MUST(a->recipient.onward == b->recipient.onward && same(a->recipient.domain, b->recipient.domain));
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct question q, back;
  struct logged l, other;
  struct outcome o;
  char const *why = 0;
  char *s = fuzz_copy(data, size);
  enum logged_status status = question_log(&q, &l, s, size, &why);
  free(s);
  MUST(status != LOGGED_BAD || *why);
  if (status != LOGGED_OK) return 0;
  MUST(q.has_sender && !q.sender_error && !q.recipient_error && q.given.hosts_n <= QUESTION_HOSTS);
  MUST(q.has_recipient || (q.facts.login && q.facts.wrong_sender));
  question_decide(&o, &q, 0);
  MUST(o.decision.verdict == VERDICT_TEMPFAIL);
  write_line(&q, &l);
  if (n >= 4000) return 0; /* as long as lines that are cut */
  MUST(question_log(&back, &other, again, n, &why) == LOGGED_OK);
  compare(&q, &back);
  MUST(same(l.verdict, other.verdict) && same(l.rule, other.rule));
  return 0;
}
