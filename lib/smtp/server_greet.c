/* The greeting, HELO and EHLO, and the commands that belong to no transaction. */
#include <string.h>
#include "parse/number.h"
#include "smtp/server_session.h"

static size_t cat(char *out, size_t at, char const *s)
{
  size_t n = strlen(s);
  memcpy(out + at, s, n);
  return at + n;
}

void session_greet(struct session *s)
{
  char line[DOMAIN_TEXT + 32];
  session_put(s, line, cat(line, cat(line, cat(line, 0, "220 "), s->me), " ESMTP posthouse\r\n"));
}

/* Letters, digits and what names and literals are made of; nothing that could end a comment or a field of the trace. */
static int plain(char const *a, size_t len, char const *others)
{
  for (size_t i = 0; i < len; i++) {
    char c = a[i];
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) continue;
    if (!c || !strchr(others, c)) return 0;
  }
  return len > 0;
}

/* RFC 5321 4.1.4 wants no more than that the name may be wrong; so a name is anything that looks like one, and a
 * literal anything that looks like one. U-labels become A-labels: the trace stays ASCII. */
static enum reply helo_may(char out[DOMAIN_TEXT], char const *arg, size_t len)
{
  if (len >= DOMAIN_TEXT) return REPLY_HELO_SYNTAX;
  int literal = len > 2 && arg[0] == '[' && arg[len - 1] == ']' && plain(arg + 1, len - 2, ".:-");
  if (literal || plain(arg, len, ".:-_")) {
    memcpy(out, arg, len);
    out[len] = 0;
    return REPLY_NONE;
  }
  return domain_canon(out, arg, len) ? REPLY_NONE : REPLY_HELO_SYNTAX;
}

static int hello(struct session *s, char const *arg, size_t len, int extended)
{
  char name[DOMAIN_TEXT];
  enum reply no = helo_may(name, arg, len);
  if (no) return session_refuse(s, no), 0;
  memcpy(s->helo, name, strlen(name) + 1);
  s->extended = extended != 0;
  session_drop(s);
  s->state = STATE_READY;
  return 1;
}

void session_helo(struct session *s, char const *arg, size_t len)
{
  char line[DOMAIN_TEXT + 16];
  if (hello(s, arg, len, 0)) session_put(s, line, cat(line, cat(line, cat(line, 0, "250 "), s->me), "\r\n"));
}

void session_ehlo(struct session *s, char const *arg, size_t len)
{
  static char const extensions[] =
    "\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-SMTPUTF8";
  char line[DOMAIN_TEXT + sizeof extensions + NUMBER_TEXT + 16 * (CHECKER_COUNT + 5)];
  if (!hello(s, arg, len, 1)) return;
  unsigned mechanisms = session_auth_offer(s);
  size_t at = cat(line, cat(line, cat(line, 0, "250-"), s->me), extensions);
  if (!s->facts->no_dsn) at = cat(line, at, "\r\n250-DSN");
  if (session_tls_offer(s)) at = cat(line, at, "\r\n250-STARTTLS");
  if (mechanisms) at = cat(line, at, "\r\n250-AUTH");
  for (int m = 0; m < CHECKER_COUNT; m++)
    if (mechanisms & 1U << m) at = cat(line, cat(line, at, " "), checker_name((enum checker_mechanism)m));
  at = cat(line, at, "\r\n250 SIZE ");
  at += number_fmt(line + at, s->size);
  session_put(s, line, cat(line, at, "\r\n"));
}

void session_rset(struct session *s, char const *arg, size_t len)
{
  (void)arg, (void)len;
  session_drop(s);
  session_reply(s, REPLY_RESET, 0);
}

void session_noop(struct session *s, char const *arg, size_t len)
{
  (void)arg, (void)len;
  session_reply(s, REPLY_OK, 0);
}

void session_vrfy(struct session *s, char const *arg, size_t len)
{
  (void)arg, (void)len;
  session_reply(s, REPLY_VRFY, 0);
}

void session_help(struct session *s, char const *arg, size_t len)
{
  (void)arg, (void)len;
  session_reply(s, REPLY_HELP, 0);
}

void session_quit(struct session *s, char const *arg, size_t len)
{
  (void)arg, (void)len;
  session_close(s, REPLY_BYE, "quit");
}

void session_not_here(struct session *s, char const *arg, size_t len)
{
  (void)arg, (void)len;
  session_refuse(s, REPLY_NOT_HERE);
}

void session_unknown(struct session *s, char const *arg, size_t len)
{
  (void)arg, (void)len;
  session_refuse(s, REPLY_UNKNOWN);
}
