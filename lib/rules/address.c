/* Addresses in the control files, and the keys that they become. */
#include <string.h>
#include "rules/rules.h"

/* Reads local@domain. Returns 1, or 0 after complaining. */
static int scan(struct compiler *c, struct address *a, char const *s, size_t n)
{
  struct quoted q;
  enum address_error e = address_mailbox(a, s, n, 1);
  if (e != ADDRESS_OK || !a->domain[0])
    return rules_error(c, "%s is no address", quote(&q, s, n)), 0;
  if (a->onward)
    return rules_error(c, "%s: a local part with %%, ! or @, or one that needs quotes, is never accepted", quote(&q, s, n)), 0;
  return 1;
}

size_t rules_address(struct compiler *c, char *out, char const *s, size_t n)
{
  struct address a;
  return scan(c, &a, s, n) ? address_key(out, &a) : 0;
}

size_t rules_to(struct compiler *c, char *out, char const *s, size_t n)
{
  struct quoted q;
  if (*s == '@') {
    rules_error(c, "%s: all of a domain is written without the @", quote(&q, s, n));
    return 0;
  }
  return memchr(s, '@', n) ? rules_address(c, out, s, n) : rules_domain_key(c, out, s, n);
}

size_t rules_from(struct compiler *c, char *out, char const *s, size_t n)
{
  struct quoted q;
  if (*s == '@' && n > 1) {
    size_t len = rules_domain_key(c, out + 1, s + 1, n - 1);
    out[0] = '@';
    return len ? 1 + len : 0;
  }
  if (memchr(s, '@', n)) return rules_address(c, out, s, n);
  rules_error(c, "%s is no address; all of a domain is written with an @ before it", quote(&q, s, n));
  return 0;
}

size_t rules_mailbox(struct compiler *c, char *out, char const *s, size_t n)
{
  struct address a;
  char const *at = memchr(s, '@', n);
  size_t local = at ? (size_t)(at - s) : 0;
  if (local < 3 || s[local - 1] != '*' || (s[local - 2] != '+' && s[local - 2] != '-')) return rules_from(c, out, s, n);
  if (!scan(c, &a, s, n)) return 0;
  return address_key(out, &a); /* the asterisk is an atom's byte like others */
}

uint32_t rules_hosted(struct compiler const *c, char const *domain)
{
  for (char const *s = domain; *s; s = domain_wider(s)) {
    uint32_t line = seen_line(&c->seen, TABLE_DOMAINS, s, strlen(s));
    if (line) return line;
  }
  return 0;
}
