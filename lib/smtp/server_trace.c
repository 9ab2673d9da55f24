/* The trace field (RFC 5321 4.4): who gave us the message, by which name, and why we took it. */
#include <string.h>
#include <time.h>
#include "parse/number.h"
#include "smtp/server_session.h"

#define FOR_MAX 900   /* bytes of an address in the `for` clause: its line must stay under 998 */
#define HOST_MAX 255

struct trace { char *s; size_t len; };

static void put(struct trace *t, char const *s, size_t n)
{
  if (n > LIMIT_TRACE - t->len) n = LIMIT_TRACE - t->len;
  memcpy(t->s + t->len, s, n);
  t->len += n;
}

static void puts_(struct trace *t, char const *s)
{
  put(t, s, strlen(s));
}

/* A host name from the environment: what no host name holds becomes `?`, so that it can't end the comment or the
 * line. */
static void put_host(struct trace *t, char const *s)
{
  for (size_t i = 0; i < HOST_MAX && s[i]; i++) {
    char c = s[i];
    int alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    put(t, alnum || c == '.' || c == '-' || c == '_' ? &c : "?", 1);
  }
}

/* TCP-info: (name [address]). */
static void put_client(struct trace *t, struct session const *s)
{
  char const *host = s->facts->client_host;
  if (!s->client[0]) {
    puts_(t, "(unknown)");
    return;
  }
  puts_(t, "(");
  if (host && *host) {
    put_host(t, host);
    puts_(t, " ");
  }
  puts_(t, s->facts->client.len == 16 ? "[IPv6:" : "[");
  puts_(t, s->client);
  puts_(t, "])");
}

/* RFC 5322 3.3, UTC. */
static void put_date(struct trace *t, int64_t now)
{
  static char const days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t when = (time_t)now;
  struct tm tm;
  char number[NUMBER_TEXT];
  if (!gmtime_r(&when, &tm)) return;
  put(t, days + 3 * tm.tm_wday, 3);
  puts_(t, ", ");
  put(t, number, number_fmt(number, (uint64_t)tm.tm_mday));
  puts_(t, " ");
  put(t, months + 3 * tm.tm_mon, 3);
  puts_(t, " ");
  put(t, number, number_fmt(number, (uint64_t)tm.tm_year + 1900));
  int const clock[] = { tm.tm_hour, tm.tm_min, tm.tm_sec };
  for (int i = 0; i < 3; i++) {
    char two[] = { i ? ':' : ' ', (char)('0' + clock[i] / 10), (char)('0' + clock[i] % 10) };
    put(t, two, 3);
  }
  puts_(t, " +0000\n");
}

/* The protocol (RFC 3848; RFC 6531 4.3): S for TLS, A for a login. */
static void put_with(struct trace *t, struct session const *s)
{
  puts_(t, s->utf8 ? " with UTF8SMTP" : s->extended ? " with ESMTP" : " with SMTP");
  if (s->extended || s->utf8) {
    if (s->relay.tls) puts_(t, "S");
    if (s->relay.login) puts_(t, "A");
  }
  puts_(t, " id ");
}

size_t trace_fmt(char out[LIMIT_TRACE], struct session const *s, int64_t now)
{
  struct trace t = { out, 0 };
  puts_(&t, "Received: from ");
  puts_(&t, s->helo);
  puts_(&t, " ");
  put_client(&t, s);
  puts_(&t, "\n  by ");
  puts_(&t, s->me);
  put_with(&t, s);
  puts_(&t, s->message.id);
  puts_(&t, "\n  (");
  puts_(&t, s->reason);
  puts_(&t, ")");
  if (*s->tls_protocol) {
    puts_(&t, "\n  (");
    puts_(&t, s->tls_protocol);
    puts_(&t, " ");
    puts_(&t, s->tls_cipher);
    puts_(&t, ")");
  }
  if (s->recipients_n == 1 && s->recipients.len <= FOR_MAX) { /* more would tell each of the others */
    puts_(&t, "\n  for <");
    puts_(&t, s->recipients.s);
    puts_(&t, ">");
  }
  if (!strncmp(s->tls_cipher, "TLS_", 4)) { /* RFC 8314 4.3: the names of IANA alone, not OpenSSL's older ones */
    puts_(&t, "\n  tls ");
    puts_(&t, s->tls_cipher);
  }
  puts_(&t, "; ");
  put_date(&t, now);
  return t.len;
}
