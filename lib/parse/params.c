/* The parameters of MAIL and RCPT. */
#include "parse/params.h"
#include "parse/utf8.h"

static int is_alnum(unsigned char c)
{
  return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Bytes of esmtp-keyword at s[0..n); 0: none */
static size_t keyword(char const *s, size_t n)
{
  size_t i = 0;
  if (!n || !is_alnum((unsigned char)s[0])) return 0;
  while (i < n && (is_alnum((unsigned char)s[i]) || s[i] == '-')) i++;
  return i;
}

/* Bytes of esmtp-value at s[0..n); 0: none */
static size_t value(char const *s, size_t n, int utf8)
{
  size_t i = 0;
  while (i < n) {
    unsigned char c = (unsigned char)s[i];
    uint32_t u;
    size_t step = c < 0x80 ? c > ' ' && c < 0x7f && c != '=' : utf8 ? utf8_next(&u, s + i, n - i) : 0;
    if (!step) break;
    i += step;
  }
  return i;
}

int params_next(char const *s, size_t n, size_t *pos, int utf8, struct param *p)
{
  size_t i = *pos;
  while (i < n && s[i] == ' ') i++;
  if (i == n) {
    *pos = i;
    return 0;
  }
  if (i == *pos) return -1; /* no space in between */
  *p = (struct param){ .key = s + i, .keylen = keyword(s + i, n - i) };
  if (!p->keylen) return -1;
  i += p->keylen;
  if (i < n && s[i] == '=') {
    i++;
    p->value = s + i;
    p->valuelen = value(s + i, n - i, utf8);
    if (!p->valuelen) return -1;
    i += p->valuelen;
  }
  if (i < n && s[i] != ' ') return -1;
  *pos = i;
  return 1;
}

static unsigned char lower(unsigned char c)
{
  return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

static int same(char const *s, size_t n, char const *word)
{
  for (; n; s++, word++, n--)
    if (!*word || lower((unsigned char)*s) != lower((unsigned char)*word)) return 0;
  return !*word;
}

int param_is(struct param const *p, char const *key)
{
  return same(p->key, p->keylen, key);
}

int param_value_is(struct param const *p, char const *word)
{
  return p->value && same(p->value, p->valuelen, word);
}
