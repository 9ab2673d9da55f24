/* MAIL: who sends, and how (RFC 5321 4.1.1.2; RFC 1870, RFC 3461, RFC 6152, RFC 6531). And the end of a transaction. */
#include <string.h>
#include <strings.h>
#include <time.h>
#include "base/io.h"
#include "parse/number.h"
#include "parse/params.h"
#include "smtp/server_session.h"
#include "smtp/verdict.h"

enum { GIVEN_SIZE = 1, GIVEN_BODY = 2, GIVEN_SMTPUTF8 = 4, GIVEN_AUTH = 8 };

struct request {
  struct address sender;
  unsigned given;   /* which parameters came */
  struct dsn_mail dsn;
};

/* One parameter. */
static enum reply parameter(struct session const *s, struct request *r, struct param const *p)
{
  uint64_t size;
  unsigned which = 0;
  enum dsn_taken dsn = s->facts->no_dsn ? DSN_OTHER : dsn_mail_take(&r->dsn, p);
  if (dsn != DSN_OTHER) return dsn == DSN_BAD ? REPLY_REPEATED : REPLY_NONE;
  if (param_is(p, "SIZE")) which = GIVEN_SIZE;
  else if (param_is(p, "BODY")) which = GIVEN_BODY;
  else if (param_is(p, "SMTPUTF8")) which = GIVEN_SMTPUTF8;
  else if (param_is(p, "AUTH") && s->world->auth) which = GIVEN_AUTH;
  else return REPLY_PARAMETER;
  if (r->given & which) return REPLY_REPEATED;
  r->given |= which;
  if (which == GIVEN_SMTPUTF8) return p->value ? REPLY_REPEATED : REPLY_NONE;
  if (which == GIVEN_BODY)
    return param_value_is(p, "8BITMIME") || param_value_is(p, "7BIT") ? REPLY_NONE : REPLY_PARAMETER;
  if (!p->value) return REPLY_REPEATED;
  /* RFC 4954 5: nobody is trusted to vouch for others, so it says nothing to us */
  if (which == GIVEN_AUTH) return sasl_auth_parameter(p->value, p->valuelen) ? REPLY_NONE : REPLY_REPEATED;
  enum number_status n = number_scan(p->value, p->valuelen, UINT64_MAX, &size);
  if (n == NUMBER_BAD) return REPLY_REPEATED;
  return s->size && size > s->size ? REPLY_SIZE : REPLY_NONE;
}

/* May this sender send? The path is read as if SMTPUTF8 were given, since that comes behind it. */
static enum reply mail_may(struct session *s, struct request *r, char const *arg, size_t len)
{
  struct param p;
  size_t used, pos = 0;
  int more;
  enum reply no = session_login_first(s);
  if (no) return no;
  if (len < 5 || strncasecmp(arg, "FROM:", 5)) return REPLY_SYNTAX;
  for (arg += 5, len -= 5; len && *arg == ' '; len--) arg++;
  no = sender_reply(address_path(&r->sender, arg, len, 1, 1, &used));
  if (no) return no;
  r->given = 0;
  r->dsn = (struct dsn_mail){ .ret = DSN_RET_NONE };
  while ((more = params_next(arg + used, len - used, &pos, 1, &p)) > 0) {
    if ((no = parameter(s, r, &p))) return no;
  }
  if (more < 0) return REPLY_REPEATED;
  return r->sender.utf8 && !(r->given & GIVEN_SMTPUTF8) ? REPLY_NEEDS_UTF8 : REPLY_NONE;
}

void session_stamp(struct session *s)
{
  struct timespec now;
  if (!s->relay.stamp) return;
  if (clock_gettime(CLOCK_BOOTTIME, &now) < 0 || now.tv_sec >= s->facts->stamp_until) s->relay.stamp = 0;
}

void session_mail(struct session *s, char const *arg, size_t len)
{
  struct request r;
  session_stamp(s);
  enum reply no = mail_may(s, &r, arg, len);
  if (s->state == STATE_OVER) return;
  if (no) {
    session_refuse(s, no);
    return;
  }
  if ((no = login_may_send(s, &r.sender))) {
    session_log_sender(s, &r.sender, no);
    session_reply(s, no, 0);
    return;
  }
  s->sender = r.sender;
  if (!notices_begin(s, &r.dsn)) {
    session_refuse(s, REPLY_MEMORY);
    return;
  }
  s->utf8 = (r.given & GIVEN_SMTPUTF8) != 0;
  s->state = STATE_MAIL;
  s->message.since = io_now();
  session_reply(s, REPLY_SENDER_OK, 0);
}

void session_reset(struct session *s)
{
  if (s->message.running) s->world->abort(s->world->arg);
  s->message.running = 0;
  s->recipients.len = 0;
  s->sheet.len = 0;
  s->recipients_n = 0;
  s->relayed = 0;
  s->too_many = 0;
  s->utf8 = 0;
  if (s->state != STATE_FRESH && s->state != STATE_OVER) s->state = STATE_READY;
}

void session_drop(struct session *s)
{
  if (s->message.running) s->errors++;
  session_reset(s);
}
