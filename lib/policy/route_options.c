/* The words of a route behind its relay: how the next hop is spoken to. */
#include <string.h>
#include "policy/route.h"

enum { SAID_LMTP = 1, SAID_SMTP = 2, SAID_TLS = 4, SAID_NAME = 8, SAID_CA = 16 };

static char const *const levels[] = { "may", "none", "required", "verify" }; /* by enum route_tls */

static int is(char const *s, size_t n, char const *word)
{
  return n == strlen(word) && !memcmp(s, word, n);
}

/* HOW: one of the levels, or `now` and, with a comma between them, required or verify. */
static char const *set_tls(struct route *r, char const *s, size_t n)
{
  int now = 0, level = -1;
  for (;;) {
    char const *comma = memchr(s, ',', n);
    size_t len = comma ? (size_t)(comma - s) : n;
    int l = 0;
    while (l < 4 && !is(s, len, levels[l])) l++;
    if (is(s, len, "now") && !now) now = 1;
    else if (l < 4 && level < 0) level = l;
    else return "is no way to use TLS; known: tls=none, may, required, verify, now, and now,verify";
    if (!comma) break;
    n -= len + 1;
    s = comma + 1;
  }
  if (level < 0) level = ROUTE_TLS_REQUIRED;
  else if (now && level != ROUTE_TLS_REQUIRED && level != ROUTE_TLS_VERIFY)
    return "says two things: TLS from the first byte can't be left out";
  r->tls = (enum route_tls)level;
  r->tls_now = now ? 1 : 0;
  return 0;
}

static char const *set_ca(struct route *r, char const *s, size_t n)
{
  if (!n || *s != '/') return "is no absolute path";
  if (n >= sizeof r->ca) return "is too long: 255 bytes at most";
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f) return "has a control character or a space";
  memcpy(r->ca, s, n);
  r->ca[n] = 0;
  return 0;
}

char const *route_option(struct route *r, unsigned *said, char const *s, size_t n)
{
  static struct { char const *word; unsigned bit; } const words[] = {
    { "lmtp", SAID_LMTP }, { "smtp", SAID_SMTP }, { "tls=", SAID_TLS }, { "name=", SAID_NAME }, { "ca=", SAID_CA },
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t len = strlen(words[i].word);
    int value = words[i].word[len - 1] == '=';
    if (n < len || memcmp(s, words[i].word, len) || (!value && n > len)) continue;
    if (*said & words[i].bit) return value ? "is the second word of its kind" : "stands here twice";
    *said |= words[i].bit;
    s += len;
    n -= len;
    if (words[i].bit == SAID_TLS) return set_tls(r, s, n);
    if (words[i].bit == SAID_CA) return set_ca(r, s, n);
    if (words[i].bit == SAID_NAME) return n && domain_canon(r->name, s, n) ? 0 : "has no domain behind the `=`";
    return 0;
  }
  return "is no word of a route; known: lmtp, smtp, tls=, name=, ca=";
}

char const *route_settle(struct route *r, unsigned said)
{
  if ((said & SAID_LMTP) && (said & SAID_SMTP)) return "`lmtp` and `smtp` can't both be spoken";
  r->lmtp = (said & SAID_LMTP) || (r->local && !(said & SAID_SMTP));
  if (r->local) {
    if (*r->name || *r->ca || ((said & SAID_TLS) && r->tls != ROUTE_TLS_NONE))
      return "there is no TLS on a Unix socket";
    r->tls = ROUTE_TLS_NONE;
    return 0;
  }
  if (r->lmtp && !r->named) return "`lmtp` without a relay: mail exchangers speak SMTP";
  if (r->lmtp && r->port == 25) return "`lmtp` needs a port, and not 25, which is SMTP's; 24 is usual";
  if (r->tls_now && r->port == 25) return "`tls=now` needs a port, and not 25, where STARTTLS is used; 465 is usual";
  if (*r->name && r->tls != ROUTE_TLS_VERIFY) return "`name=` without `tls=verify`: nobody would look at the name";
  if (*r->ca && r->tls == ROUTE_TLS_NONE) return "`ca=` without TLS: nobody would look at a certificate";
  return 0;
}

/* Appends a word and its value, with a NUL behind. */
static size_t put(char *out, size_t n, char const *word, char const *value)
{
  size_t len = strlen(word), more = strlen(value);
  memcpy(out + n, word, len);
  memcpy(out + n + len, value, more + 1);
  return n + len + more + 1;
}

size_t route_options(char out[ROUTE_TEXT], struct route const *r)
{
  size_t n = 0;
  if (r->lmtp) n = put(out, n, "lmtp", "");
  else if (r->local) n = put(out, n, "smtp", "");
  if (r->tls_now) n = put(out, n, "tls=", r->tls == ROUTE_TLS_VERIFY ? "now,verify" : "now");
  else if (r->tls != ROUTE_TLS_MAY && !r->local) n = put(out, n, "tls=", levels[r->tls]);
  if (*r->name) n = put(out, n, "name=", r->name);
  if (*r->ca) n = put(out, n, "ca=", r->ca);
  return n;
}
