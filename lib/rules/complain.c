/* Complaints, words, records: what all line handlers need. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "rules/rules.h"

void rules_complain(struct compiler *c, int warning, char const *file, uint32_t line, char const *why)
{
  char text[1200];
  if (!warning) c->wrong = 1;
  snprintf(text, sizeof text, "%s:%u: %s%s", file, (unsigned)line, warning ? "warning: " : "", why);
  c->complain(c->arg, warning, text);
}

static void complain(struct compiler *c, int warning, char const *format, va_list args)
{
  char why[1024];
  vsnprintf(why, sizeof why, format, args);
  rules_complain(c, warning, c->file, c->line, why);
}

void rules_error(struct compiler *c, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  complain(c, 0, format, args);
  va_end(args);
}

void rules_warn(struct compiler *c, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  complain(c, 1, format, args);
  va_end(args);
}

char const *quote(struct quoted *q, char const *s, size_t n)
{
  static char const hex[] = "0123456789abcdef";
  size_t k = 0;
  q->s[k++] = '`';
  for (size_t i = 0; i < n; i++) {
    unsigned char ch = (unsigned char)s[i];
    if (k > QUOTED - 10) {
      memcpy(q->s + k, "...", 3);
      k += 3;
      break;
    }
    if (ch >= 0x20 && ch < 0x7f && ch != '\\') {
      q->s[k++] = (char)ch;
    } else {
      q->s[k++] = '\\';
      q->s[k++] = 'x';
      q->s[k++] = hex[ch >> 4];
      q->s[k++] = hex[ch & 15];
    }
  }
  q->s[k++] = '`';
  q->s[k] = 0;
  return q->s;
}

void rules_add(struct compiler *c, enum table which, char const *key, size_t len, struct word shown, char const *data,
               size_t data_len)
{
  struct quoted q;
  uint32_t line = c->line;
  int r = seen_add(&c->seen, which, key, len, &line);
  if (!r) rules_error(c, "%s stands already in line %u", quote(&q, shown.s, shown.n), (unsigned)line);
  else if (r < 0) c->broken = ENOMEM;
  else if (table_add(c->table, which, key, len, c->line, data, data_len) < 0) c->broken = errno ? errno : EIO;
}

size_t rules_words(char const *s, size_t n, struct word *words, size_t max)
{
  size_t count = 0;
  for (size_t i = 0; ; count++) {
    while (i < n && (s[i] == ' ' || s[i] == '\t')) i++;
    if (i == n || s[i] == '#') return count;
    size_t start = i;
    while (i < n && s[i] != ' ' && s[i] != '\t') i++;
    if (count < max) words[count] = (struct word){ s + start, i - start };
  }
}
