/* Domains in the control files: `me`, `domains`, and the left side of `routes`. */
#include <errno.h>
#include <string.h>
#include "rules/rules.h"

/* Is the last label all digits? No domain ends so (RFC 1123 2.1): it is an address that lacks its brackets. */
static int numeric(char const *s, size_t n)
{
  size_t i = n;
  while (i && s[i - 1] >= '0' && s[i - 1] <= '9') i--;
  return i < n && (!i || s[i - 1] == '.');
}

size_t rules_domain(struct compiler *c, char out[DOMAIN_TEXT], char const *s, size_t n)
{
  struct quoted q;
  size_t len = domain_canon(out, s, n);
  if (len) return len;
  rules_error(c, "%s is no domain%s", quote(&q, s, n), numeric(s, n) ? "; an address stands in brackets" : "");
  return 0;
}

/* [192.0.2.1], [IPv6:2001:db8::1], as parse/address.h writes them. */
static size_t literal(struct compiler *c, char out[RULES_DOMAIN], char const *s, size_t n)
{
  struct ip ip;
  struct quoted q;
  if (address_literal_scan(&ip, s, n)) return address_literal_fmt(out, &ip);
  rules_error(c, "%s is no address in brackets", quote(&q, s, n));
  return 0;
}

size_t rules_domain_key(struct compiler *c, char out[RULES_DOMAIN], char const *s, size_t n)
{
  if (*s == '[') return literal(c, out, s, n);
  if (*s != '.') return rules_domain(c, out, s, n);
  size_t len = rules_domain(c, out + 1, s + 1, n - 1);
  out[0] = '.';
  return len ? 1 + len : 0;
}

void rules_me(struct compiler *c, char const *s, size_t n)
{
  char name[RULES_DOMAIN];
  struct word w[1];
  if (rules_words(s, n, w, 1) != 1) {
    rules_error(c, "one name stands here, and nothing else");
    return;
  }
  uint32_t before = seen_line(&c->seen, TABLE_ME, "", 0);
  size_t len = rules_domain(c, name, w->s, w->n);
  if (before) rules_error(c, "a second name; the first stands in line %u", (unsigned)before);
  else if (len && rules_add(c, TABLE_ME, "", 0, *w, name, len)) memcpy(c->me, name, len + 1);
}

void rules_domains(struct compiler *c, char const *s, size_t n)
{
  static char const *const checks[] = { "any", "listed", "asked" };
  char key[RULES_DOMAIN];
  struct quoted q;
  struct word w[3];
  struct hosted h = { .line = c->line };
  size_t words = rules_words(s, n, w, 3), check = 0;
  size_t len = rules_domain_key(c, key, w->s, w->n);
  if (words > 1)
    while (check < 3 && !rules_is(w[1], checks[check])) check++;
  if (words > 2) {
    rules_error(c, "%s is one word too many", quote(&q, w[2].s, w[2].n));
  } else if (check == 3) {
    rules_error(c, "%s is no way to check recipients; known: any, listed, asked", quote(&q, w[1].s, w[1].n));
  } else if (len && rules_add(c, TABLE_DOMAINS, key, len, *w, checks[check], strlen(checks[check]))) {
    h.check = checks[check];
    if (!genalloc_append(struct hosted, &c->hosted, &h)) c->broken = ENOMEM;
  }
}

struct hosted *rules_hosted(struct compiler const *c, char const *domain)
{
  uint32_t line = 0;
  for (char const *s = domain; *s && !line; s = domain_wider(s))
    line = seen_line(&c->seen, TABLE_DOMAINS, s, strlen(s));
  struct hosted *h = genalloc_s(struct hosted, &c->hosted);
  size_t low = 0, high = line ? genalloc_len(struct hosted, &c->hosted) : 0;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (h[middle].line == line) return h + middle;
    if (h[middle].line < line) low = middle + 1;
    else high = middle;
  }
  return 0;
}
