/* The explanation's text. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include "explain/parts.h"
#include "rules/text.h"

size_t keep_bytes(struct explanation *x, char const *s, size_t n)
{
  size_t at = x->text.len;
  if (!stralloc_catb(&x->text, s, n) || !stralloc_0(&x->text)) x->broken = ENOMEM;
  return at;
}

size_t keep(struct explanation *x, char const *format, ...)
{
  char s[500];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(s, sizeof s, format, args);
  va_end(args);
  return keep_bytes(x, s, n < 0 ? 0 : (size_t)n < sizeof s ? (size_t)n : sizeof s - 1);
}

size_t keep_rule(struct explanation *x, enum table which, struct piece key, struct record const *r)
{
  size_t at = x->text.len;
  if (!rules_text(&x->text, which, key.s, key.n, r) || !stralloc_0(&x->text)) x->broken = ENOMEM;
  return at;
}
