/* STARTTLS (RFC 3207). The handshake is another process's business (UCSPI-TLS). */
#include <string.h>
#include "smtp/server_session.h"

/* A word for log and trace: what can't stand there becomes `?`. */
static void word(char out[SESSION_TLS_WORD], char const *s)
{
  size_t n = 0;
  for (; *s && n + 1 < SESSION_TLS_WORD; s++) {
    char c = *s;
    int plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr(".-_", c);
    out[n++] = plain ? c : '?';
  }
  out[n] = 0;
}

static void name(char out[CHECKER_USER], char const *s)
{
  struct piece p = { s, strlen(s) };
  *out = 0;
  if (sasl_user(&p, CHECKER_USER - 1)) memcpy(out, s, p.len + 1);
}

void session_under_tls(struct session *s)
{
  struct server_facts const *f = s->facts;
  if (!f->tls_protocol) return;
  s->relay.tls = 1;
  word(s->tls_protocol, f->tls_protocol);
  if (f->tls_cipher) word(s->tls_cipher, f->tls_cipher);
  if (f->tls_user) name(s->tls_user, f->tls_user);
}

char const *server_tls_user(char const *verified, char const *cn)
{
  return verified && !strcmp(verified, "SUCCESS") ? cn : 0;
}

/* The value of a variable in vars[0..n), or null. */
static char const *value(char const *vars, size_t n, char const *key)
{
  size_t len = strlen(key);
  for (size_t i = 0; i < n; i += strlen(vars + i) + 1)
    if (!strncmp(vars + i, key, len) && vars[i + len] == '=') return vars + i + len + 1;
  return 0;
}

/* A certificate may have lines; anything else with control characters is not handed on. */
static int is_plain(char const *s)
{
  if (!strncmp(s, "-----BEGIN ", 11)) return 1;
  while (*s && (unsigned char)*s >= ' ' && *s != 0x7f) s++;
  return !*s;
}

static void learn(struct session *s, char *vars, size_t n)
{
  char const *protocol = value(vars, n, "SSL_PROTOCOL"), *cipher = value(vars, n, "SSL_CIPHER");
  char const *user = server_tls_user(value(vars, n, "SSL_CLIENT_VERIFY"), value(vars, n, "SSL_CLIENT_S_DN_CN"));
  if (protocol) word(s->tls_protocol, protocol);
  if (cipher) word(s->tls_cipher, cipher);
  if (user) name(s->tls_user, user);
  for (size_t i = 0, len; i < n; i += len + 1) {
    len = strlen(vars + i);
    char *equal = memchr(vars + i, '=', len);
    if (!equal) continue;
    *equal = 0;
    if (s->world->set && is_plain(equal + 1)) s->world->set(s->world->arg, vars + i, equal + 1);
  }
}

/* All that was said in the clear, as if it had not been (RFC 3207 4.2). */
static void forget(struct session *s)
{
  session_reset(s);
  login_forget(s);
  s->state = STATE_FRESH;
  s->helo[0] = 0;
  s->extended = 0;
  s->in_at = s->in_len = 0;
  line_init(&s->line, s->line.max, s->line.lf_ok);
}

static int is_there(struct session const *s)
{
  return !s->world->tls_there || s->world->tls_there(s->world->arg);
}

int session_tls_offer(struct session const *s)
{
  return s->world->tls && !s->relay.tls && is_there(s);
}

static enum reply may(struct session const *s, size_t len)
{
  if (s->relay.tls) return REPLY_TLS_TWICE;
  if (!s->world->tls) return REPLY_NOT_HERE;
  if (len) return REPLY_NO_ARGUMENT;
  if (s->state == STATE_FRESH) return REPLY_HELLO_FIRST;
  if (s->state != STATE_READY) return REPLY_IN_TRANSACTION;
  return is_there(s) ? REPLY_NONE : REPLY_TLS_GONE; /* RFC 3207 4: 454 for a temporary reason */
}

void session_starttls(struct session *s, char const *arg, size_t len)
{
  enum reply no = may(s, len);
  (void)arg;
  if (no) {
    session_refuse(s, no);
    return;
  }
  session_reply(s, REPLY_TLS_READY, 0);
  if (session_flush(s, session_deadline(s)) < 0) return;
  forget(s); /* what came behind the command was never under TLS: CVE-2011-0411 */
  stralloc vars = STRALLOC_ZERO;
  int r = s->world->tls(s->world->arg, &vars, session_deadline(s));
  if (r < 0) { /* the client waits for a handshake: there is nothing to say to it */
    s->why = "tls-failed";
    s->state = STATE_OVER;
  } else {
    s->relay.tls = 1;
    learn(s, vars.s, vars.len);
    session_log_tls(s);
  }
  stralloc_free(&vars);
}
