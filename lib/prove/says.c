/* From a record back to its line. */
#include <string.h>
#include "parse/number.h"
#include "policy/gate.h"
#include "prove/report.h"

int report_put(stralloc *out, char const *s, size_t n)
{
  static char const hex[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    unsigned char ch = (unsigned char)s[i];
    char escaped[4] = { '\\', 'x', hex[ch >> 4], hex[ch & 15] };
    int plain = ch >= 0x20 && ch < 0x7f;
    if (!stralloc_catb(out, plain ? s + i : escaped, plain ? 1 : 4)) return 0;
  }
  return 1;
}

static int text(stralloc *out, char const *s)
{
  return report_put(out, s, strlen(s));
}

/* `_BITS` and `^BITS` as a prefix; anything else as it is. */
static int put_bits(stralloc *out, char const *s, size_t n)
{
  char address[IP_TEXT], digits[NUMBER_TEXT];
  struct ip ip;
  unsigned bits;
  if (!classes_bits(&ip, &bits, s, n)) return report_put(out, s, n);
  ip_fmt(address, &ip);
  number_fmt(digits, bits);
  return text(out, address) && text(out, "/") && text(out, digits);
}

static int put_client(stralloc *out, char const *key, size_t n, struct record const *r)
{
  uint32_t pos = 0;
  char const *var;
  int ok = put_bits(out, key, n) && text(out, r->len && *r->data == 'D' ? ":deny" : ":allow");
  while (ok && gate_variable(r, &pos, &var) > 0) {
    size_t name = strcspn(var, "=");
    ok = text(out, ",") && report_put(out, var, name) && text(out, "=\"") && text(out, var + name + 1) &&
      text(out, "\"");
  }
  return ok;
}

/* Words; those that are bits become prefixes, and a device's line gets its `from` and `to` back. */
static int put_relay(stralloc *out, char const *key, size_t n, struct record const *r)
{
  int ok = 1, device = n > 13 && !memcmp(key, "grant device ", 13);
  for (size_t i = 0, words = 0; ok && i <= n; words++) {
    char const *blank = memchr(key + i, ' ', n - i);
    size_t end = blank ? (size_t)(blank - key) : n;
    ok = !i || text(out, " ");
    if (ok && device && words == 3) ok = text(out, "from ");
    else if (ok && device && words > 3 && !blank) ok = text(out, "to ");
    ok = ok && put_bits(out, key + i, end - i);
    i = end + 1;
  }
  return ok && (!r->len || (text(out, " ") && report_put(out, r->data, r->len)));
}

int report_says(stralloc *out, struct table_set const *t, struct record const *r)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record other;
  while (table_next(t, &pos, &which, &key, &n, &other) > 0) {
    if (other.data != r->data) continue;
    switch (which) {
      case TABLE_CLIENTS: return put_client(out, key, n, r);
      case TABLE_RELAY: return put_relay(out, key, n, r);
      default: return report_put(out, key, n) && text(out, r->len ? " " : "") && report_put(out, r->data, r->len);
    }
  }
  return 1;
}
