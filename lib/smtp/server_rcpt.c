/* RCPT: the one place where mail is let in or kept out. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "base/io.h"
#include "parse/number.h"
#include "parse/params.h"
#include "policy/appended.h"
#include "smtp/server_session.h"
#include "smtp/verdict.h"

/* Reads the path and the parameters, all of which are about notifications. */
static enum reply rcpt_syntax(struct session const *s, struct address *a, struct dsn_rcpt *d, char const *arg,
  size_t len)
{
  struct param p;
  size_t used, pos = 0;
  if (len < 3 || strncasecmp(arg, "TO:", 3)) return REPLY_SYNTAX;
  for (arg += 3, len -= 3; len && *arg == ' '; len--) arg++;
  enum reply no = recipient_reply(address_path(a, arg, len, 0, 1, &used));
  if (no) return no;
  int more;
  *d = (struct dsn_rcpt){ .notify = 0 };
  while ((more = params_next(arg + used, len - used, &pos, s->utf8, &p)) > 0) {
    enum dsn_taken t = s->facts->no_dsn ? DSN_OTHER : dsn_rcpt_take(d, &p);
    if (t != DSN_TAKEN) return t == DSN_OTHER ? REPLY_PARAMETER : REPLY_REPEATED;
  }
  if (more < 0) return REPLY_REPEATED;
  notices_limit(s, d);
  return a->utf8 && !s->utf8 ? REPLY_NEEDS_UTF8 : REPLY_NONE;
}

/* postmaster without a domain is ours (RFC 5321 4.5.1); it travels on with our name. */
static void complete(struct session const *s, struct address *a)
{
  size_t n = strlen(s->me);
  if (a->local_len < a->len || a->len + 1 + n > LIMIT_ADDRESS) return;
  a->text[a->len] = '@';
  memcpy(a->text + a->len + 1, s->me, n + 1);
  a->len += 1 + n;
}

/* What the network says. The client gets the replies that wait before we do; for one that has gone nobody is asked. */
static enum answer ask(struct session *s, enum ask_kind kind, char const *subject, struct ask_answer *out)
{
  int64_t now = io_now(), deadline = now + 1000 * ASK_TIME + ASK_SLACK;
  *out = (struct ask_answer){ .state = ANSWER_UNKNOWN, .text = "too many questions had no answer" };
  if (s->unknown >= SESSION_UNKNOWN || session_flush(s, session_deadline(s)) < 0) return ANSWER_UNKNOWN;
  s->world->ask(s->world->arg, kind, subject, deadline < s->end ? deadline : s->end, out);
  s->unknown += out->state == ANSWER_UNKNOWN;
  return out->state;
}

/* Asks the policy, and the network as far as the policy wants to know. */
static enum reply settle(struct session *s, struct address const *a, struct decision *d, struct asked *x)
{
  char subject[ADDRESS_KEY];
  struct facts *f = &s->relay;
  f->recipient = a;
  f->mailbox = f->mx = ANSWER_NOT_ASKED;
  f->hosts_n = 0;
  for (decide(d, s->facts->tables, f); d->verdict > VERDICT_TEMPFAIL; decide(d, s->facts->tables, f)) {
    if (d->verdict == VERDICT_ASK_MAILBOX) {
      memcpy(subject, a->text, a->local_len);
      subject[a->local_len] = '@';
      memcpy(subject + a->local_len + 1, a->domain, strlen(a->domain) + 1);
      x->mailbox = f->mailbox = ask(s, ASK_RECIPIENT, subject, &x->answer);
    } else {
      x->mx = f->mx = ask(s, ASK_HOSTS, a->domain, &x->answer);
      f->hosts = x->answer.ip;
      f->hosts_n = x->answer.n;
    }
  }
  return d->verdict == VERDICT_ACCEPT ? REPLY_NONE : verdict_reply(d);
}

/* Asks about the recipient as given and, where RELAYCLIENT changes it, about what becomes of it. Both must be accepted,
 * so an appended value opens nothing. */
static enum reply rcpt_may(struct session *s, struct address *a, struct decision *d)
{
  struct address given = *a;
  char const *value = s->facts->relayclient;
  for (unsigned i = 0; i < 2; i++) s->asked[i].mailbox = s->asked[i].mx = ANSWER_NOT_ASKED;
  enum reply no = settle(s, &given, d, s->asked);
  if (no) return no;
  complete(s, a);
  if (!value || !*value) return REPLY_NONE;
  given = *a;
  if (!appended(a, &given, value)) {
    *a = given;
    d->verdict = VERDICT_TEMPFAIL;
    return REPLY_APPENDED;
  }
  return settle(s, a, d, s->asked + 1);
}

/* "client clients:12": what the trace says. It is the first recipient's reason, but that of the first who is relayed
 * if there is one, as it says the more. The grant for clients lets in whom the gate trusts, so the gate's rule tells
 * more than the grant. */
static void set_reason(struct session *s, struct decision const *d)
{
  if (s->relayed || (s->recipients_n && reason_incoming(d->reason))) return;
  s->relayed = !reason_incoming(d->reason);
  int by_gate = d->reason == REASON_CLIENT && s->relay.trusted_by.file;
  char const *file = by_gate ? s->relay.trusted_by.file : d->record.file, *word = reason_word(d->reason);
  uint32_t line = by_gate ? s->relay.trusted_by.line : d->record.line;
  size_t n = strlen(word), m = file ? strlen(file) : 0;
  if (n + m + NUMBER_TEXT + 3 > sizeof s->reason) m = 0;
  memcpy(s->reason, word, n < sizeof s->reason ? n : 0);
  if (line && m) {
    s->reason[n++] = ' ';
    memcpy(s->reason + n, file, m);
    s->reason[n + m] = ':';
    n += m + 1;
    n += number_fmt(s->reason + n, line);
  }
  s->reason[n] = 0;
}

/* Is this address among the recipients? */
static int known(struct session const *s, char const *text)
{
  for (size_t i = 0; i < s->recipients.len; i += strlen(s->recipients.s + i) + 1)
    if (!strcmp(s->recipients.s + i, text)) return 1;
  return 0;
}

/* An alias' targets: addresses, NUL behind each. Those of one alias are always taken, so that a long list can be
 * reached at all. */
static enum reply put_targets(struct session *s, struct address const *alias, char const *data, size_t len,
  struct dsn_rcpt *dsn)
{
  uint32_t n = 0, all = 0;
  if (!len || data[len - 1]) return REPLY_TABLES;
  for (char const *at = data; at < data + len; at += strlen(at) + 1, all++) n += !known(s, at);
  if (s->recipients_n && n > s->recipients_max - s->recipients_n) return REPLY_RECIPIENTS;
  if (!stralloc_readyplus(&s->recipients, len) || !notices_alias(s, alias, all, dsn)) return REPLY_MEMORY;
  for (char const *at = data; at < data + len; at += strlen(at) + 1) {
    if (known(s, at)) continue;
    if (!notices_recipient(s, at, dsn)) return REPLY_MEMORY;
    stralloc_catb(&s->recipients, at, strlen(at) + 1);
    s->recipients_n++;
  }
  return REPLY_NONE;
}

/* Room for it in the list, and an injector. */
static enum reply rcpt_take(struct session *s, struct address const *a, struct decision const *d, struct dsn_rcpt *dsn)
{
  enum reply no = REPLY_NONE;
  if (!stralloc_readyplus(&s->recipients, a->len + 1)) return REPLY_MEMORY;
  if (!s->message.running) {
    s->world->id(s->world->arg, s->message.id);
    if (s->world->start(s->world->arg, s->message.id, s->utf8) < 0) return REPLY_INJECTOR;
    s->message.running = 1;
  }
  set_reason(s, d);
  if (d->reason == REASON_ALIAS) {
    no = put_targets(s, a, d->record.data, d->record.len, dsn);
  } else if (!notices_recipient(s, a->text, dsn)) {
    return REPLY_MEMORY;
  } else {
    stralloc_catb(&s->recipients, a->text, a->len + 1);
    s->recipients_n++;
  }
  if (!no) s->state = STATE_RCPT;
  return no;
}

void session_rcpt(struct session *s, char const *arg, size_t len)
{
  struct address a, given;
  struct decision d;
  struct dsn_rcpt dsn;
  enum reply no = s->recipients_n >= s->recipients_max ? REPLY_RECIPIENTS : rcpt_syntax(s, &a, &dsn, arg, len);
  if (no) {
    s->refused++;
    if (!s->too_many) session_log_refused(s, no); /* however many come, one line */
    s->too_many = no == REPLY_RECIPIENTS;
    session_reply(s, no, 0);
    return;
  }
  given = a;
  session_stamp(s);
  no = rcpt_may(s, &a, &d);
  char const *word = !no ? "accepted" : reply_code(no) < 500 ? "deferred" : "refused";
  char const *error = no == REPLY_APPENDED ? "no address comes of RELAYCLIENT" : 0;
  if (!no && (no = rcpt_take(s, &a, &d, &dsn))) {
    word = "unqueued";
    error = no == REPLY_RECIPIENTS ? "too many with an alias' targets" : strerror(errno);
  }
  if (no) s->refused++;
  session_log_recipient(s, &d, &given, &a, word, error);
  session_reply(s, no ? no : REPLY_RECIPIENT_OK, 0);
}
