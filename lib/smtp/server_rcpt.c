/* RCPT: the one place where mail is let in or kept out. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "parse/number.h"
#include "parse/params.h"
#include "smtp/server_session.h"

/* What a verdict sounds like. */
static enum reply verdict_reply(struct decision const *d)
{
  static enum reply const replies[REASON_COUNT] = {
    [REASON_NOT_GRANTED] = REPLY_RELAYING, [REASON_ONWARD] = REPLY_ONWARD, [REASON_LITERAL] = REPLY_LITERAL,
    [REASON_NO_PRIVILEGE] = REPLY_NO_PRIVILEGE, [REASON_TABLES] = REPLY_TABLES,
  };
  if (d->verdict == VERDICT_ACCEPT) return REPLY_NONE;
  if (d->reason < REASON_COUNT && replies[d->reason]) return replies[d->reason];
  return d->verdict == VERDICT_TEMPFAIL ? REPLY_TABLES : REPLY_REFUSED;
}

/* Reads the path; no parameter of RCPT is known. */
static enum reply rcpt_syntax(struct session const *s, struct address *a, char const *arg, size_t len)
{
  struct param p;
  size_t used, pos = 0;
  if (len < 3 || strncasecmp(arg, "TO:", 3)) return REPLY_SYNTAX;
  for (arg += 3, len -= 3; len && *arg == ' '; len--) arg++;
  switch (address_path(a, arg, len, 0, 1, &used)) {
    case ADDRESS_OK: break;
    case ADDRESS_TOO_LONG: return REPLY_RECIPIENT_LONG;
    default: return REPLY_RECIPIENT_SYNTAX;
  }
  int more = params_next(arg + used, len - used, &pos, s->utf8, &p);
  if (more) return more > 0 ? REPLY_PARAMETER : REPLY_REPEATED;
  return a->utf8 && !s->utf8 ? REPLY_NEEDS_UTF8 : REPLY_NONE;
}

/* RELAYCLIENT's value goes behind the recipient, as in qmail: user@there and "@gateway.example" make
 * "user@there"@gateway.example, in quotes because that is its form in SMTP. Returns 1, or 0 when no address comes of
 * it. */
static int append(struct address *out, struct address const *a, char const *value)
{
  char text[2 * LIMIT_ADDRESS + 4];
  size_t n = 0, more = strlen(value);
  int quote = strchr(value, '@') != 0;
  if (more > LIMIT_ADDRESS) return 0;
  if (quote) text[n++] = '"';
  for (size_t i = 0; i < a->len && n < LIMIT_ADDRESS; i++) {
    if (quote && (a->text[i] == '"' || a->text[i] == '\\')) text[n++] = '\\';
    text[n++] = a->text[i];
  }
  for (size_t i = 0; i < more; i++) {
    if (quote && value[i] == '@') {
      text[n++] = '"';
      quote = 0;
    }
    text[n++] = value[i];
  }
  if (n > LIMIT_ADDRESS || address_mailbox(out, text, n, a->utf8) != ADDRESS_OK) return 0;
  out->onward = 0; /* where it goes on to is the operator's wish, not the client's */
  return 1;
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

/* Asks the policy: for the recipient as given and, where RELAYCLIENT changes it, for what becomes of it. Both must be
 * accepted, so an appended value opens nothing. */
static enum reply rcpt_may(struct session *s, struct address *a, struct decision *d)
{
  struct address given = *a;
  char const *value = s->facts->relayclient;
  s->relay.recipient = &given;
  decide(d, s->facts->tables, &s->relay);
  if (d->verdict != VERDICT_ACCEPT) return verdict_reply(d);
  complete(s, a);
  if (!value || !*value) return REPLY_NONE;
  given = *a;
  if (!append(a, &given, value)) {
    *a = given;
    d->verdict = VERDICT_TEMPFAIL;
    return REPLY_APPENDED;
  }
  s->relay.recipient = a;
  decide(d, s->facts->tables, &s->relay);
  return verdict_reply(d);
}

/* "client clients:12": what the trace says. It is the first recipient's reason, but that of the first who is relayed
 * if there is one, as it says the more. The grant for clients lets in whom the gate trusts, so the gate's rule tells
 * more than the grant. */
static void set_reason(struct session *s, struct decision const *d)
{
  if (s->relayed || (s->recipients_n && d->reason == REASON_HOSTED)) return;
  s->relayed = d->reason != REASON_HOSTED;
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

/* Room for it in the list, and an injector. */
static enum reply rcpt_take(struct session *s, struct address const *a, struct decision const *d)
{
  if (!stralloc_readyplus(&s->recipients, a->len + 1)) return REPLY_MEMORY;
  if (!s->message.running) {
    s->world->id(s->world->arg, s->message.id);
    if (s->world->start(s->world->arg, s->message.id, s->utf8) < 0) return REPLY_INJECTOR;
    s->message.running = 1;
  }
  set_reason(s, d);
  stralloc_catb(&s->recipients, a->text, a->len + 1);
  s->recipients_n++;
  s->state = STATE_RCPT;
  return REPLY_NONE;
}

void session_rcpt(struct session *s, char const *arg, size_t len)
{
  struct address a;
  struct decision d;
  enum reply no = s->recipients_n >= s->recipients_max ? REPLY_RECIPIENTS : rcpt_syntax(s, &a, arg, len);
  if (no) {
    s->refused++;
    if (!s->too_many) session_log_refused(s, no); /* however many come, one line */
    s->too_many = no == REPLY_RECIPIENTS;
    session_reply(s, no, 0);
    return;
  }
  no = rcpt_may(s, &a, &d);
  char const *word = !no ? "accepted" : reply_code(no) < 500 ? "deferred" : "refused";
  char const *error = no == REPLY_APPENDED ? "no address comes of RELAYCLIENT" : 0;
  if (!no && (no = rcpt_take(s, &a, &d))) {
    word = "unqueued";
    error = strerror(errno);
  }
  if (no) s->refused++;
  session_log_recipient(s, &d, &a, word, error);
  session_reply(s, no ? no : REPLY_RECIPIENT_OK, 0);
}
