/* What the session tells the log. */
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "parse/number.h"
#include "smtp/server_session.h"

void session_log_start(struct session const *s, struct log_line *l, char const *event)
{
  log_start(l, event);
  log_num(l, "pid", (uint64_t)getpid());
  log_str(l, "client", s->client[0] ? s->client : "unknown");
}

/* `key=file:line`; nothing when no line is known. */
static void log_rule(struct log_line *l, char const *key, char const *file, uint32_t line)
{
  char text[64 + NUMBER_TEXT];
  size_t n = file ? strlen(file) : 0;
  if (!n || n > 63 || !line) return;
  memcpy(text, file, n);
  text[n++] = ':';
  n += number_fmt(text + n, line);
  log_bytes(l, key, text, n);
}

static void log_given(struct log_line *l, char const *key, char const *value)
{
  if (value && *value) log_str(l, key, value);
}

void session_log_refused(struct session const *s, enum reply r)
{
  struct log_line l;
  char word[REPLY_WORD];
  session_log_start(s, &l, "refused");
  log_str(&l, "command", s->command ? s->command : "unknown");
  log_num(&l, "code", reply_code(r));
  log_bytes(&l, "reason", word, reply_word(word, r));
  log_end(&l);
}

void session_log_login(struct session const *s, enum checker_mechanism m, char const *verdict, char const *user,
                       size_t len)
{
  struct log_line l;
  session_log_start(s, &l, "login");
  log_str(&l, "verdict", verdict);
  log_bytes(&l, "user", user, len < CHECKER_USER ? len : CHECKER_USER);
  log_str(&l, "mechanism", checker_name(m));
  if (s->relay.tls) log_str(&l, "tls", "1");
  if (s->relay.login && !s->relay.login_may_relay) log_str(&l, "norelay", "1");
  if (s->relay.login && s->bound) log_str(&l, "bound", "1");
  log_end(&l);
}

void session_log_checker(struct session const *s, enum checker_mechanism m, char const *why, int code,
                         char const *error)
{
  struct log_line l;
  session_log_start(s, &l, "checker");
  log_str(&l, "why", why ? why : "exit-code");
  log_str(&l, "mechanism", checker_name(m));
  if (code >= 0) log_num(&l, "code", (uint64_t)code);
  log_str(&l, "error", error);
  log_end(&l);
}

void session_log_tls(struct session const *s)
{
  struct log_line l;
  session_log_start(s, &l, "tls");
  log_given(&l, "protocol", s->tls_protocol);
  log_given(&l, "cipher", s->tls_cipher);
  log_given(&l, "certificate", s->tls_user);
  log_end(&l);
}

/* What the network said: its words, or all addresses with commas between them. */
static void log_asked(struct log_line *l, char const *mailbox, char const *mx, struct asked const *x)
{
  char text[ASK_IPS * IP_TEXT];
  size_t n = 0;
  if (x->mailbox != ANSWER_NOT_ASKED) log_str(l, mailbox, answer_word(x->mailbox));
  if (x->mx == ANSWER_NOT_ASKED) return;
  for (size_t i = 0; i < x->answer.n && n + IP_TEXT < sizeof text; i++) {
    if (i) text[n++] = ',';
    n += ip_fmt(text + n, x->answer.ip + i);
  }
  if (n) log_bytes(l, mx, text, n);
  else log_str(l, mx, answer_word(x->mx));
}

/* All facts that the decision looked at, so that the line alone can be decided anew. */
static void log_facts(struct session const *s, struct log_line *l)
{
  struct facts const *f = &s->relay;
  log_given(l, "host", s->facts->client_host);
  log_given(l, "info", s->facts->client_info);
  log_given(l, "listener", f->listener);
  if (f->trusted_by.file) log_rule(l, "trusted", f->trusted_by.file, f->trusted_by.line);
  else if (f->trusted) log_str(l, "trusted", "environment");
  log_given(l, "relayclient", s->facts->relayclient);
  log_str(l, "login", f->login);
  if (f->login && !f->login_may_relay) log_str(l, "norelay", "1");
  if (f->login) log_str(l, "mechanism", checker_name(s->mechanism));
  if (f->wrong_sender) log_str(l, "wrong-sender", "1");
  if (f->tls) log_str(l, "tls", "1");
  log_given(l, "protocol", s->tls_protocol);
  log_given(l, "cipher", s->tls_cipher);
  log_str(l, "pop", f->stamp);
  if (f->stamp_unknown) log_str(l, "pop-unknown", "1");
}

/* The reason is the decision's (step_bound), which relay-explain finds again. */
void session_log_sender(struct session const *s, struct address const *sender, enum reply r)
{
  struct log_line l;
  session_log_start(s, &l, "refused");
  log_str(&l, "command", s->command);
  log_num(&l, "code", reply_code(r));
  log_str(&l, "reason", reason_word(REASON_WRONG_SENDER));
  log_bytes(&l, "sender", sender->text, sender->len);
  log_facts(s, &l);
  log_end(&l);
}

void session_log_connect(struct session const *s)
{
  struct log_line l;
  session_log_start(s, &l, "connect");
  log_facts(s, &l);
  if (!s->facts->tables) log_str(&l, "rules", "none");
  log_end(&l);
}

void session_log_recipient(struct session const *s, struct decision const *d, struct address const *recipient,
                           struct address const *becomes, char const *word, char const *error)
{
  struct log_line l;
  session_log_start(s, &l, "recipient");
  if (s->message.running) log_str(&l, "id", s->message.id);
  log_str(&l, "verdict", word);
  log_str(&l, "reason", reason_word(d->reason));
  log_rule(&l, "rule", d->record.file, d->record.line);
  log_str(&l, "origin", origin_word(d->origin));
  log_bytes(&l, "sender", s->sender.text, s->sender.len);
  log_bytes(&l, "recipient", recipient->text, recipient->len);
  if (strcmp(becomes->text, recipient->text)) log_bytes(&l, "becomes", becomes->text, becomes->len);
  log_str(&l, "helo", s->helo);
  log_facts(s, &l);
  log_asked(&l, "mailbox", "mx", s->asked);
  log_asked(&l, "becomes-mailbox", "becomes-mx", s->asked + 1);
  for (unsigned i = 2; i-- > 0; ) {
    if (s->asked[i].mailbox == ANSWER_NOT_ASKED && s->asked[i].mx == ANSWER_NOT_ASKED) continue;
    log_given(&l, "answer", s->asked[i].answer.text);
    break;
  }
  log_str(&l, "error", error);
  log_end(&l);
}

void session_log_message(struct session const *s, struct inject_result const *r)
{
  struct log_line l;
  struct message const *m = &s->message;
  session_log_start(s, &l, "message");
  log_str(&l, "id", m->id);
  log_str(&l, "verdict", r && !r->code ? "accepted" : r && r->kind == 'Z' ? "deferred" : "refused");
  if (r && r->code) {
    log_num(&l, "injector", (uint64_t)r->code);
    log_given(&l, "says", r->text);
  }
  log_str(&l, "fault", m->fault);
  log_num(&l, "bytes", m->eod.size);
  log_num(&l, "recipients", s->recipients_n);
  log_num(&l, "milliseconds", (uint64_t)(io_now() - m->since));
  log_end(&l);
}

void session_log_end(struct session const *s)
{
  struct log_line l;
  session_log_start(s, &l, "end");
  log_str(&l, "why", s->why);
  if (s->message.running) log_str(&l, "unfinished", s->message.id);
  log_num(&l, "messages", s->messages);
  log_num(&l, "bytes", s->bytes);
  log_num(&l, "refused", s->refused);
  log_num(&l, "errors", s->errors);
  log_num(&l, "milliseconds", (uint64_t)(io_now() - s->begin));
  log_end(&l);
}
