/* Words, quotations, records: what all line handlers need. */
#include <errno.h>
#include <string.h>
#include "rules/rules.h"

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

int rules_add(struct compiler *c, enum table which, char const *key, size_t len, struct word shown, char const *data,
              size_t data_len)
{
  struct quoted q;
  uint32_t line = c->line;
  struct table_builder *table = which == TABLE_USERS ? c->users.table : which == TABLE_LOGINS ? c->logins.table :
    c->table;
  int r = seen_add(&c->seen, which, key, len, &line);
  if (!r) rules_error(c, "%s stands already in line %u", quote(&q, shown.s, shown.n), (unsigned)line);
  else if (r < 0) c->broken = ENOMEM;
  else if (table && table_add(table, which, key, len, c->line, data, data_len) < 0) c->broken = errno ? errno : EIO;
  return r > 0 && !c->broken;
}

size_t rules_words(char const *s, size_t n, struct word *words, size_t max)
{
  size_t count = 0;
  for (size_t i = 0; ; count++) {
    while (i < n && rules_blank(s[i])) i++;
    if (i == n) return count;
    size_t start = i;
    while (i < n && !rules_blank(s[i])) i++;
    if (count < max) words[count] = (struct word){ s + start, i - start };
  }
}

int rules_is(struct word w, char const *s)
{
  return w.n == strlen(s) && !memcmp(w.s, s, w.n);
}
