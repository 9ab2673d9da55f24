/* Prefixes, and which lengths of them are in use: a look-up asks for these alone. */
#include <errno.h>
#include <string.h>
#include "parse/number.h"
#include "rules/rules.h"

int rules_octal(char const *s, size_t n)
{
  int octal = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] != '.' && s[i] != '-' && (s[i] < '0' || s[i] > '9')) return 0;
    if (s[i] == '0' && (!i || s[i - 1] == '.' || s[i - 1] == '-') && i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '9')
      octal = 1;
  }
  return octal;
}

int rules_prefix(struct compiler *c, struct ip *ip, unsigned *bits, char const *s, size_t n)
{
  struct quoted q;
  uint64_t length;
  char const *slash = memchr(s, '/', n);
  size_t len = slash ? (size_t)(slash - s) : n, from = 0;
  if (len > 2 && *s == '[' && s[len - 1] == ']') from = 1;
  if (!ip_scan(ip, s + from, len - 2 * from))
    return rules_error(c, "%s %s", quote(&q, s, len), rules_octal(s, len) ? OCTAL : "is no address"), 0;
  unsigned mapped = ip->len == 4 && memchr(s, ':', len) ? 96 : 0, most = mapped + 8U * ip->len;
  if (!slash) return *bits = 8U * ip->len, 1;
  if (number_scan(slash + 1, n - len - 1, most, &length) != NUMBER_OK || length < mapped)
    return rules_error(c, "%s has no right prefix length", quote(&q, s, n)), 0;
  *bits = (unsigned)length - mapped;
  if (ip_mask(ip, *bits)) return rules_error(c, "%s has bits set behind its prefix length", quote(&q, s, n)), 0;
  return 1;
}

void lengths_use(struct lengths *l, struct ip const *ip, unsigned bits)
{
  (ip->len == 4 ? l->v4 : l->v6)[bits] = 1;
}

static void add(struct compiler *c, enum table which, char const *key, uint8_t const *used, unsigned max)
{
  char lengths[GATE_CIDR];
  size_t n = 0;
  for (unsigned bits = max + 1; bits--; )
    if (used[bits]) lengths[n++] = (char)bits;
  if (n && !c->broken && table_add(c->table, which, key, strlen(key), 0, lengths, n) < 0) c->broken = errno;
}

void lengths_add(struct compiler *c, struct lengths const *l, enum table which, char const *key4, char const *key6)
{
  add(c, which, key4, l->v4, 32);
  add(c, which, key6, l->v6, 128);
}
