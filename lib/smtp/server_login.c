/* What a login is worth: to the decision, to the programs behind us, and to the addresses that it may use. */
#include <string.h>
#include "codec/escape.h"
#include "policy/senders.h"
#include "smtp/server_session.h"

static char const *const variables[] = { "TCPREMOTEINFO", "SMTPAUTHUSER", "AUTHUSER" };

static void tell(struct session const *s, char const *name, char const *value)
{
  if (s->world->set) s->world->set(s->world->arg, name, value);
}

/* The user for the environment: C escapes as in the log, and for / and % as well, so that who makes a path or a format
 * of it is safe. Other names stay as they are. */
static void escape(char out[CODEC_ESCAPED(CHECKER_USER) + 1], char const *user)
{
  size_t n = 0;
  for (; *user; user++) {
    if (*user == '/' || *user == '%') {
      memcpy(out + n, *user == '/' ? "\\x2f" : "\\x25", 4);
      n += 4;
    } else n += codec_escape(out + n, user, 1);
  }
  out[n] = 0;
}

void login_set(struct session *s, enum checker_mechanism m, char const *user, struct checker_answer *a)
{
  char value[CODEC_ESCAPED(CHECKER_USER) + 1];
  memcpy(s->user, user, strlen(user) + 1);
  s->mechanism = m;
  s->relay.login = s->user;
  s->relay.login_may_relay = !a->no_relay;
  s->bound = a->bound;
  stralloc_free(&s->senders);
  s->senders = a->from;
  a->from = (stralloc)STRALLOC_ZERO;
  escape(value, user);
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) tell(s, variables[i], value);
  tell(s, "AUTHPROTOCOL", checker_name(m));
}

void login_forget(struct session *s)
{
  if (!s->relay.login) return;
  s->relay.login = 0;
  s->relay.login_may_relay = 0;
  s->bound = 0;
  stralloc_free(&s->senders);
  tell(s, variables[0], s->facts->client_info);
  for (size_t i = 1; i < sizeof variables / sizeof *variables; i++) tell(s, variables[i], 0);
  tell(s, "AUTHPROTOCOL", 0);
}

/* The null sender (a receipt, RFC 8098 2.1) is nobody's address: a bound login may use it where the header's From is
 * looked at as well. */
enum reply login_may_send(struct session *s, struct address const *sender)
{
  s->relay.wrong_sender = 0;
  if (!s->relay.login || !s->bound) return REPLY_NONE;
  int fine = sender->len ? senders_allow(s->senders.s, s->senders.len, sender)
    : listener_is_submission(s->relay.listener);
  s->relay.wrong_sender = !fine;
  return fine ? REPLY_NONE : REPLY_WRONG_SENDER;
}

int login_checks_from(struct session const *s)
{
  return s->relay.login && s->bound && listener_is_submission(s->relay.listener);
}

static int mine(void *arg, struct address const *a)
{
  struct session const *s = arg;
  return senders_allow(s->senders.s, s->senders.len, a);
}

int login_may_say(struct session const *s)
{
  return !login_checks_from(s) || from_each(&s->message.from, &mine, (void *)s);
}
