/* The file `limits`. */
#include <string.h>
#include "base/limits.h"
#include "parse/number.h"
#include "rules/rules.h"

static struct limit_row { char const *name; uint32_t least, most; char const *unit; } const rows[] = {
#define X(c, name, def, least, most, unit) { name, least, most, unit },
  LIMITS(X)
#undef X
};

static void set_limit(struct compiler *c, struct limit_row const *row, struct word name, struct word text)
{
  struct quoted q;
  uint64_t value;
  char digits[NUMBER_TEXT];
  if (number_scan(text.s, text.n, row->most, &value) != NUMBER_OK || value < row->least)
    rules_error(c, "%s must be a number from %u to %u (%s), not %s", row->name, (unsigned)row->least,
                (unsigned)row->most, row->unit, quote(&q, text.s, text.n));
  else rules_add(c, TABLE_LIMITS, row->name, strlen(row->name), name, digits, number_fmt(digits, value));
}

void rules_limits(struct compiler *c, char const *s, size_t n)
{
#define X(c, name, def, least, most, unit) " " name
  static char const known[] = LIMITS(X);
#undef X
  struct quoted q;
  struct word w[2];
  size_t words = rules_words(s, n, w, 2);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (w->n != strlen(rows[i].name) || memcmp(w->s, rows[i].name, w->n)) continue;
    if (words == 2) set_limit(c, rows + i, w[0], w[1]);
    else rules_error(c, "a limit's line is its name and a number (%s)", rows[i].unit);
    return;
  }
  rules_error(c, "%s is no limit; known:%s", quote(&q, w->s, w->n), known);
}
