/* Records as lines. */
#include <string.h>
#include "parse/ip.h"
#include "parse/number.h"
#include "policy/gate.h"
#include "rules/text.h"

/* `_` or `^` and bits as a prefix. `always`: its length stands also behind a single address. */
static int put_prefix(stralloc *out, char const *key, size_t len, int always)
{
  struct ip ip;
  char text[IP_TEXT + NUMBER_TEXT + 1];
  unsigned bits;
  if (!gate_cidr_scan(&ip, &bits, key, len)) return stralloc_catb(out, key, len);
  size_t n = ip_fmt(text, &ip);
  if (always || bits < 8U * ip.len) {
    text[n++] = '/';
    n += number_fmt(text + n, bits);
  }
  return stralloc_catb(out, text, n);
}

/* A byte that does not occur in the value, to stand around it. */
static char quote_for(char const *value)
{
  static char const usual[] = "\"'/|%#,:;.!~+-";
  for (char const *s = usual; *s; s++)
    if (!strchr(value, *s)) return *s;
  for (int c = 0xff; c > ' '; c--)
    if (!strchr(value, c)) return (char)c;
  return '"'; /* a value with all of them is too long for a line that people write */
}

static int put_variable(stralloc *out, char const *var)
{
  char const *equal = strchr(var, '=');
  char quote = quote_for(equal + 1);
  return stralloc_catb(out, ",", 1) && stralloc_catb(out, var, (size_t)(equal + 1 - var)) &&
    stralloc_catb(out, &quote, 1) && stralloc_cats(out, equal + 1) && stralloc_catb(out, &quote, 1);
}

static int put_client(stralloc *out, char const *key, size_t len, struct record const *r)
{
  uint32_t pos = 0;
  char const *var;
  int deny = r->len && *r->data == 'D', at = memchr(key, '@', len) != 0;
  int ok = len && !at && (*key == '_' || *key == '^') ? put_prefix(out, key, len, 1) : stralloc_catb(out, key, len);
  ok = ok && stralloc_cats(out, deny ? ":deny" : ":allow");
  while (ok && gate_variable(r, &pos, &var) > 0) ok = put_variable(out, var);
  return ok;
}

/* Targets, ports: what stands in the data with NULs between. */
static int put_data(stralloc *out, char const *separator, struct record const *r)
{
  int ok = 1;
  for (uint32_t i = 0; i < r->len && ok; ) {
    char const *end = memchr(r->data + i, 0, r->len - i);
    size_t n = end ? (size_t)(end - r->data) - i : r->len - i;
    ok = stralloc_cats(out, separator) && stralloc_catb(out, r->data + i, n);
    i += (uint32_t)n + 1;
  }
  return ok;
}

/* domain:relay:port and the words behind; an address with colons stands in brackets, an empty port is left out. */
static int put_route(stralloc *out, char const *key, size_t len, struct record const *r)
{
  char const *relay = r->data, *end = r->data + r->len, *stop = memchr(relay, 0, r->len);
  size_t n = stop ? (size_t)(stop - relay) : 0;
  int six = memchr(relay, ':', n) && *relay != '/';
  int ok = stralloc_catb(out, key, len) && stralloc_cats(out, six ? ":[" : ":") && stralloc_catb(out, relay, n) &&
    stralloc_cats(out, six ? "]" : "");
  char const *separator = ":";
  for (char const *s = stop ? stop + 1 : end; s < end && ok; s = stop + 1, separator = " ") {
    if (!(stop = memchr(s, 0, (size_t)(end - s)))) break; /* damage */
    if (stop > s) ok = stralloc_cats(out, separator) && stralloc_catb(out, s, (size_t)(stop - s));
  }
  return ok;
}

/* The words of `grant pop`, whose listeners stand with commas between, the plain one as `-`. */
static int put_pop(stralloc *out, struct record const *r)
{
  int listeners = 0, ok = stralloc_cats(out, "grant pop");
  for (char const *s = r->data, *end = s + r->len; s < end && ok; s += strlen(s) + 1) {
    if (!memchr(s, 0, (size_t)(end - s))) break; /* damage */
    if (strncmp(s, "on=", 3)) {
      ok = stralloc_cats(out, " ") && stralloc_cats(out, s);
      continue;
    }
    ok = stralloc_cats(out, listeners ? "," : " on ") && stralloc_cats(out, s[3] ? s + 3 : "-");
    listeners = 1;
  }
  return ok;
}

/* A user who may log in by no password, and may use these senders. */
static int put_senders(stralloc *out, char const *key, size_t len, struct record const *r)
{
  return stralloc_catb(out, key, len) && stralloc_cats(out, r->len ? " - from" : " -") && put_data(out, " ", r);
}

/* The words of a statement: a prefix of bits is written as one, and a device's get their `from` and `to`. */
static int put_statement(stralloc *out, char const *key, size_t len, struct record const *r)
{
  static char const device[] = "grant device ", host[] = "grant to-host ";
  int is_device = len > sizeof device - 1 && !memcmp(key, device, sizeof device - 1);
  int is_host = len > sizeof host - 1 && !memcmp(key, host, sizeof host - 1);
  if (len == 9 && !memcmp(key, "grant pop", 9)) return put_pop(out, r);
  if (!is_device && !is_host)
    return stralloc_catb(out, key, len) && (!r->len || (stralloc_cats(out, " ") && stralloc_catb(out, r->data,
      r->len)));
  size_t at = (is_device ? sizeof device : sizeof host) - 1;
  char const *end = memchr(key + at, ' ', len - at);
  size_t n = end ? (size_t)(end - key) - at : len - at;
  if (!stralloc_catb(out, key, at) || !put_prefix(out, key + at, n, 0)) return 0;
  if (!end) return 1;
  char const *from = end + 1, *to = memchr(from, ' ', len - (size_t)(from - key));
  if (!to) return 1; /* damage */
  return stralloc_cats(out, " from ") && stralloc_catb(out, from, (size_t)(to - from)) && stralloc_cats(out, " to ") &&
    stralloc_catb(out, to + 1, len - (size_t)(to + 1 - key));
}

int rules_text(stralloc *out, enum table which, char const *key, size_t len, struct record const *r)
{
  switch (which) {
    case TABLE_ME: return stralloc_catb(out, r->data, r->len);
    case TABLE_CLIENTS: return put_client(out, key, len, r);
    case TABLE_RELAY: return put_statement(out, key, len, r);
    case TABLE_ROUTES: return put_route(out, key, len, r);
    case TABLE_ALIASES: return stralloc_catb(out, key, len) && put_data(out, " ", r);
    case TABLE_SENDERS: return put_senders(out, key, len, r);
    case TABLE_RECIPIENTS: return stralloc_catb(out, key, len);
    case TABLE_DOMAINS:
    case TABLE_LIMITS:
    case TABLE_USERS:
    case TABLE_LOGINS: break;
  }
  return stralloc_catb(out, key, len) && stralloc_cats(out, " ") && stralloc_catb(out, r->data, r->len);
}
