/* AUTH (RFC 4954): may it come now, and what each mechanism wants to hear. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/random.h>
#include "parse/number.h"
#include "smtp/server_session.h"

/* All that a client may use here and now, whether or not logins can be checked. A checker that names one of the
 * common three names all that it can do; of any other these are expected. */
static unsigned usable(struct session const *s)
{
  unsigned common = 1U << CHECKER_PLAIN | 1U << CHECKER_LOGIN | 1U << CHECKER_CRAM_MD5;
  unsigned all = s->mechanisms & common ? s->mechanisms : s->mechanisms | common;
  if (!*s->tls_user) all &= ~(1U << CHECKER_EXTERNAL);
  return s->facts->mechanisms ? all & s->facts->mechanisms : all;
}

unsigned session_auth_offer(struct session *s)
{
  if (!s->world->auth || s->facts->auth_quiet || (!s->relay.tls && !s->facts->auth_clear)) return 0;
  return login_canary(s) ? usable(s) : 0;
}

static enum reply plain(struct session *s, struct response *r, int initial)
{
  struct piece id, what[3] = { { "", 0 }, { "", 0 }, { "", 0 } };
  enum reply no = initial ? REPLY_NONE : response_get(s, r, "", 0);
  if (no) return no;
  if (!sasl_plain(&id, &what[0], &what[1], r->s, r->len)) return REPLY_BASE64;
  /* acting for somebody else is nobody's privilege here */
  if (id.len && (id.len != what[0].len || memcmp(id.s, what[0].s, id.len))) what[1].len = 0;
  return login_check(s, CHECKER_PLAIN, what);
}

static enum reply login(struct session *s, struct response *r, int initial)
{
  char user[CHECKER_USER];
  enum reply no = initial ? REPLY_NONE : response_get(s, r, "Username:", 9);
  if (no) return no;
  struct piece what[3] = { { user, r->len < sizeof user ? r->len : 0 }, { 0, 0 }, { "", 0 } };
  memcpy(user, r->s, what[0].len);
  if ((no = response_get(s, r, "Password:", 9))) return no;
  if (memchr(user, 0, what[0].len) || memchr(r->s, 0, r->len)) return REPLY_BASE64;
  what[1] = (struct piece){ r->s, r->len };
  return login_check(s, CHECKER_LOGIN, what);
}

/* A challenge that comes but once (RFC 2195 2): <random.time@name>. Returns its bytes, 0: no random bytes. */
static size_t challenge(struct session const *s, char out[DOMAIN_TEXT + 64])
{
  unsigned char b[16];
  size_t n = 1;
  if (getrandom(b, sizeof b, 0) != sizeof b) return 0;
  out[0] = '<';
  for (size_t i = 0; i < sizeof b; i++) n += (size_t)sprintf(out + n, "%02x", b[i]);
  return n + (size_t)sprintf(out + n, ".%lld@%s>", (long long)time(0), s->me);
}

static enum reply cram(struct session *s, struct response *r, int initial)
{
  char text[DOMAIN_TEXT + 64];
  struct piece what[3], swap;
  if (initial) return REPLY_BASE64; /* the server speaks first (RFC 4954 4) */
  size_t n = challenge(s, text);
  if (!n) return REPLY_CHECKER;
  enum reply no = response_get(s, r, text, n);
  if (no) return no;
  if (!sasl_cram(&what[0], &what[1], r->s, r->len) || memchr(what[0].s, 0, what[0].len)) return REPLY_BASE64;
  what[2] = (struct piece){ text, n };
  if (s->facts->challenge_first) swap = what[1], what[1] = what[2], what[2] = swap;
  return login_check(s, CHECKER_CRAM_MD5, what);
}

static enum reply scram(struct session *s, struct response *r, int initial)
{
  enum reply no = initial ? REPLY_NONE : response_get(s, r, "", 0);
  return no ? no : login_scram(s, r);
}

/* RFC 4422, appendix A: the client says at most as whom it wants to act; who it is the certificate said. */
static enum reply external(struct session *s, struct response *r, int initial)
{
  struct piece what[3] = { { s->tls_user, strlen(s->tls_user) }, { "", 0 }, { "", 0 } };
  enum reply no = initial ? REPLY_NONE : response_get(s, r, "", 0);
  if (no) return no;
  if (r->len && (r->len != what[0].len || memcmp(r->s, what[0].s, r->len))) what[0] = (struct piece){ r->s, 0 };
  return login_check(s, CHECKER_EXTERNAL, what);
}

static enum reply (*const runs[CHECKER_COUNT])(struct session *, struct response *, int) = {
  [CHECKER_PLAIN] = plain, [CHECKER_LOGIN] = login, [CHECKER_CRAM_MD5] = cram, [CHECKER_SCRAM_SHA_256] = scram,
  [CHECKER_EXTERNAL] = external,
};

static enum reply auth_may(struct session *s)
{
  if (!s->world->auth) return REPLY_NOT_HERE;
  if (s->state == STATE_FRESH) return REPLY_HELLO_FIRST;
  if (s->relay.login) return REPLY_LOGIN_TWICE;
  if (s->state != STATE_READY) return REPLY_IN_TRANSACTION;
  if (!s->relay.tls && !s->facts->auth_clear) return REPLY_TLS_FIRST;
  return login_canary(s) ? REPLY_NONE : REPLY_CHECKER;
}

/* 530 is for good: a relay that sends its mail through us would give it back. So it is said only to who could log in
 * now; without a checker nobody ever can. */
enum reply session_login_first(struct session *s)
{
  if (s->relay.login || !listener_is_submission(s->relay.listener)) return REPLY_NONE;
  if (!s->world->auth) return REPLY_LOGIN_FIRST;
  if (!s->relay.tls && !s->facts->auth_clear) return session_tls_offer(s) ? REPLY_TLS_LOGIN_FIRST : REPLY_TLS_GONE;
  return login_canary(s) ? REPLY_LOGIN_FIRST : REPLY_CHECKER;
}

static enum reply authenticate(struct session *s, struct response *r, char const *arg, size_t len)
{
  struct piece name, initial;
  enum reply no = auth_may(s);
  if (no) return no;
  if (!sasl_auth(&name, &initial, arg, len)) return REPLY_SYNTAX;
  enum checker_mechanism m = checker_find(name.s, name.len);
  if (m == CHECKER_COUNT || !(usable(s) & 1U << m)) return REPLY_MECHANISM;
  if (initial.s && (no = response_decode(r, initial.s, initial.len))) return no;
  return runs[m](s, r, initial.s != 0);
}

void session_auth(struct session *s, char const *arg, size_t len)
{
  struct response r;
  enum reply reply = authenticate(s, &r, arg, len);
  explicit_bzero(&r, sizeof r);
  if (s->state == STATE_OVER) return;
  if (reply == REPLY_LOGGED_IN) session_reply(s, reply, 0);
  else session_refuse(s, reply);
  if (s->logins_failed >= s->logins_max) session_close(s, REPLY_LOGINS, "logins");
}
