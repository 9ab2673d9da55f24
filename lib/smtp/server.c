/* The session: greeting, then command after command. "May it come now?" is the table's and may()'s business, "do it"
 * the functions'. The states are drawn in smtp/server_session.h. */
#include <string.h>
#include "base/io.h"
#include "parse/number.h"
#include "policy/limits.h"
#include "smtp/server_session.h"

#define AT(state) (1U << STATE_##state)
#define ANYTIME (AT(FRESH) | AT(READY) | AT(MAIL) | AT(RCPT) | AT(CHUNK))

static struct command const commands[] = {
  { "HELO", ARGUMENT_NEEDED, ANYTIME, &session_helo },
  { "EHLO", ARGUMENT_NEEDED, ANYTIME, &session_ehlo },
  { "MAIL", ARGUMENT_NEEDED, AT(READY), &session_mail },
  { "RCPT", ARGUMENT_NEEDED, AT(MAIL) | AT(RCPT), &session_rcpt },
  { "DATA", ARGUMENT_NONE, AT(RCPT), &session_data },
  { "BDAT", ARGUMENT_NEEDED, AT(RCPT) | AT(CHUNK), &session_bdat },
  { "RSET", ARGUMENT_NONE, ANYTIME, &session_rset },
  { "NOOP", ARGUMENT_ANY, ANYTIME, &session_noop },
  { "QUIT", ARGUMENT_NONE, ANYTIME, &session_quit },
  { "VRFY", ARGUMENT_NEEDED, ANYTIME, &session_vrfy },
  { "HELP", ARGUMENT_ANY, ANYTIME, &session_help },
  { "EXPN", ARGUMENT_ANY, ANYTIME, &session_not_here },
  { "AUTH", ARGUMENT_ANY, ANYTIME, &session_auth },
  { "STARTTLS", ARGUMENT_ANY, ANYTIME, &session_starttls },
  { 0, ARGUMENT_ANY, ANYTIME, &session_unknown },
};

/* May this command come now, with this argument? REPLY_NONE: yes. */
static enum reply may(struct session const *s, struct command const *c, size_t len)
{
  if (!(c->states & 1U << s->state)) {
    if (s->state == STATE_FRESH) return REPLY_HELLO_FIRST;
    if (s->state == STATE_CHUNK) return REPLY_IN_CHUNKS;
    if (s->state == STATE_READY) return REPLY_MAIL_FIRST;
    return c->run == &session_mail ? REPLY_MAIL_TWICE : REPLY_RCPT_FIRST;
  }
  if (c->argument == ARGUMENT_NONE && len) return REPLY_NO_ARGUMENT;
  if (c->argument == ARGUMENT_NEEDED && !len) return REPLY_ARGUMENT;
  return REPLY_NONE;
}

static void dispatch(struct session *s, char const *line, size_t n)
{
  char const *arg;
  size_t len;
  struct command const *c = command_find(commands, line, n, &arg, &len);
  enum reply no = may(s, c, len);
  s->command = c->verb;
  if (!no) c->run(s, arg, len);
  else if (c->run == &session_bdat) session_bdat_refuse(s, arg, len, no);
  else session_refuse(s, no);
}

/* One step: a line of the input, or more input. */
static void step(struct session *s)
{
  static enum reply const faults[] = { [LINE_BARE] = REPLY_BARE, [LINE_NUL] = REPLY_NUL, [LINE_LONG] = REPLY_LONG };
  char line[LIMIT_COMMAND_LINE];
  size_t used, len;
  if (session_expired(s)) return;
  enum line_status status = line_next(&s->line, s->in + s->in_at, s->in_len, &used, &len);
  if (status == LINE_OK) memcpy(line, s->in + s->in_at, len); /* BDAT and DATA read over it */
  else len = 0;
  session_wipe(s, used);
  if (status == LINE_MORE) {
    if (!s->deadline) s->deadline = session_deadline(s);
    session_fill(s, s->deadline);
    return;
  }
  s->deadline = 0;
  s->command = 0;
  if (status == LINE_OK) dispatch(s, line, len);
  else session_refuse(s, faults[status]);
  explicit_bzero(line, len); /* it could be AUTH, or a password where no one asked for it */
  if (s->errors > s->errors_max && s->state != STATE_OVER) session_close(s, REPLY_ERRORS, "errors");
}

static void set_limits(struct session *s)
{
  struct table_set const *t = s->facts->tables;
  char const *databytes = s->facts->databytes;
  uint64_t size;
  s->size = limit_get(t, LIMIT_SIZE);
  if (databytes && number_scan(databytes, strlen(databytes), UINT64_MAX, &size) == NUMBER_OK) s->size = size;
  s->recipients_max = limit_get(t, LIMIT_RECIPIENTS);
  s->text_line = limit_get(t, LIMIT_TEXT_LINE);
  s->hops = limit_get(t, LIMIT_HOPS);
  s->errors_max = limit_get(t, LIMIT_ERRORS);
  s->logins_max = limit_get(t, LIMIT_AUTH_ERRORS);
  s->auth_time = 1000 * (int64_t)limit_get(t, LIMIT_AUTH_TIME);
  s->command_time = 1000 * (int64_t)limit_get(t, LIMIT_COMMAND_TIME);
  s->begin = io_now();
  s->end = s->begin + 1000 * (int64_t)limit_get(t, LIMIT_SESSION_TIME);
}

/* Our name: as `me` says; else the one given, else nothing better than localhost. */
static void set_name(struct session *s)
{
  struct record r;
  char const *name = s->facts->name;
  struct table_set const *t = s->facts->tables;
  if (t && table_find(t, TABLE_ME, "", 0, &r) > 0 && domain_canon(s->me, r.data, r.len)) return;
  if (name && domain_canon(s->me, name, strlen(name))) return;
  memcpy(s->me, "localhost", 10);
}

/* Which rule trusts the client: "clients:12". The decision only hands it back. */
static void set_trust(struct session *s)
{
  char const *by = s->facts->relayby, *colon = by ? strchr(by, ':') : 0;
  uint64_t line;
  s->relay.trusted = s->facts->relayclient != 0;
  if (s->relay.trusted && colon && (size_t)(colon - by) == 7 && !memcmp(by, "clients", 7)
      && number_scan(colon + 1, strlen(colon + 1), UINT32_MAX, &line) == NUMBER_OK) {
    s->relay.trusted_by.file = "clients";
    s->relay.trusted_by.line = (uint32_t)line;
  }
}

/* The large buffers are left as they are: pages that nobody touches cost nothing. */
static void session_init(struct session *s, struct server_facts const *facts, struct server_world const *world)
{
  memset(s, 0, offsetof(struct session, out));
  s->facts = facts;
  s->world = world;
  s->why = "closed";
  s->relay.client = facts->client;
  s->relay.listener = facts->listener ? facts->listener : "";
  s->relay.sender = &s->sender;
  s->relay.stamp = facts->stamp;
  s->relay.stamp_unknown = facts->stamp_unknown;
  if (facts->client.len) ip_fmt(s->client, &facts->client);
  set_limits(s);
  set_name(s);
  set_trust(s);
  session_under_tls(s);
  line_init(&s->line, LIMIT_COMMAND_LINE, facts->lf_ok && s->relay.trusted);
}

void server_run(struct server_facts const *facts, struct server_world const *world)
{
  struct session s;
  session_init(&s, facts, world);
  session_log_connect(&s);
  session_greet(&s);
  while (s.state != STATE_OVER) step(&s);
  session_flush(&s, io_now() + SESSION_LAST_WORDS);
  session_log_end(&s);
  session_reset(&s);
  stralloc_free(&s.recipients);
  stralloc_free(&s.sheet);
  stralloc_free(&s.senders);
}
