/* Logging in at a relay. */
#include <stdio.h>
#include <string.h>
#include <skalibs/random.h>
#include "codec/base64.h"
#include "remote/login.h"
#include "remote/sasl.h"

/* The strongest first. The last two give the password away to whoever listens. */
static enum login_mechanism const order[] = { LOGIN_SCRAM_SHA_256, LOGIN_CRAM_MD5, LOGIN_PLAIN, LOGIN_LOGIN };

static int bare(enum login_mechanism m)
{
  return m == LOGIN_PLAIN || m == LOGIN_LOGIN;
}

/* A server that has got the password may say it again, in whatever form: then its codes alone are for a log. */
static enum logged_in refused(struct client *c, enum login_mechanism m, struct login const *l, char why[LOGIN_WHY])
{
  char const *at;
  size_t code = client_reply_enhanced(&c->reply, &at), n = bare(m) ? code ? code + 4 : 3 : c->reply.text_len;
  snprintf(why, LOGIN_WHY, " refused our login as %s (logins:%u): %.*s (#4.7.8)", l->user, l->line, (int)n,
    c->reply.text);
  return c->reply.code / 100 == 5 ? LOGIN_NEVER : LOGIN_NEXT;
}

/* One mechanism. */
static enum client_authed attempt(struct client *c, enum login_mechanism m, struct login const *l)
{
  struct sasl s;
  char nonce[SASL_NONCE + 1] = "", raw[SASL_NONCE / 4 * 3];
  random_buf(raw, sizeof raw);
  codec_base64(nonce, raw, sizeof raw);
  sasl_start(&s, m, l, nonce);
  enum client_authed r = client_auth(c, sasl_mechanism(m), &s);
  explicit_bzero(&s, sizeof s);
  return r;
}

/* None was offered that may be taken: why. */
static char const *none(struct client const *c, struct login const *l)
{
  unsigned wanted = l->mechanism ? 1U << l->mechanism : ~0U;
  if (!(c->offers & CLIENT_AUTH)) return "offers no login";
  if (!(c->mechanisms & wanted)) return l->mechanism ? "does not offer the mechanism" : "offers no mechanism we have";
  return "offers no TLS, without which the password must not be sent (`clear`)";
}

enum logged_in login_run(struct client *c, struct login const *l, char why[LOGIN_WHY])
{
  int tried = 0;
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    enum login_mechanism m = order[i];
    if (!(c->mechanisms & 1U << m) || (l->mechanism && m != l->mechanism)) continue;
    if (bare(m) && !c->via && !l->clear) continue;
    enum client_authed r = attempt(c, m, l);
    tried = 1;
    if (r == CLIENT_AUTHED) return LOGIN_DONE;
    enum logged_in verdict = LOGIN_NEXT;
    if (r == CLIENT_AUTH_REFUSED) verdict = refused(c, m, l, why);
    if (r == CLIENT_AUTH_REFUSED && c->reply.code == 504) continue;
    if (r == CLIENT_AUTH_REFUSED) client_quit(c);
    if (r == CLIENT_AUTH_WRONG)
      snprintf(why, LOGIN_WHY, " did not do its part of %s (logins:%u) (#4.7.0)", sasl_mechanism(m)->word, l->line);
    if (r == CLIENT_AUTH_BROKEN)
      snprintf(why, LOGIN_WHY, ", asked to log us in as %s (logins:%u), %s", l->user, l->line, client_trouble_text(c));
    client_close(c);
    return verdict;
  }
  if (!tried) snprintf(why, LOGIN_WHY, " %s: logins:%u can't be used (#4.7.0)", none(c, l), l->line);
  client_quit(c);
  return LOGIN_NEXT;
}
