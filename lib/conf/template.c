/* Templates. */
#include <errno.h>
#include <string.h>

#include "conf/template.h"

/* Finds a name. Returns its value, or null with *known 0 or 1. */
static char const *look_up(struct conf_value const *v, char const *name, size_t len, int *known)
{
  for (; v->name; v++) {
    if (strlen(v->name) == len && !memcmp(v->name, name, len)) return *known = 1, v->value;
  }
  return *known = 0, (char const *)0;
}

/* Appends a value's words. */
static int put_words(stralloc *out, char const *value, quote_fn *quote)
{
  stralloc word = STRALLOC_ZERO;
  int ok = 1;
  for (;;) {
    size_t len = strcspn(value, "\n");
    word.len = 0;
    ok = stralloc_catb(&word, value, len) && stralloc_0(&word) && quote(out, word.s);
    if (!ok || !value[len]) break;
    ok = stralloc_append(out, ' ');
    if (!ok) break;
    value += len + 1;
  }
  int e = errno;
  stralloc_free(&word);
  errno = e;
  return ok;
}

/* Expands one line s[0..n). */
static int put_line(stralloc *out, char const *s, size_t n, struct conf_value const *v, quote_fn *quote)
{
  while (n) {
    char const *at = memchr(s, '@', n);
    size_t before = at ? (size_t)(at - s) : n;
    if (!stralloc_catb(out, s, before)) return 0;
    if (!at) break;
    s += before + 1;
    n -= before + 1;
    char const *end = memchr(s, '@', n);
    if (!end) return errno = EDOM, 0;
    size_t len = (size_t)(end - s);
    int known, raw = len && *s == '=';
    char const *value = look_up(v, s + raw, len - (size_t)raw, &known);
    if (len ? !value : !stralloc_append(out, '@')) return errno = len ? EDOM : ENOMEM, 0;
    if (len && !put_words(out, value, raw ? quote_text : quote)) return 0;
    s += len + 1;
    n -= len + 1;
  }
  return stralloc_append(out, '\n');
}

int conf_expand(stralloc *out, char const *text, struct conf_value const *v, quote_fn *quote)
{
  while (*text) {
    size_t n = strcspn(text, "\n");
    char const *next = text + n + (text[n] == '\n');
    int wanted = 1;
    if (n > 1 && text[0] == '@' && (text[1] == '+' || text[1] == '-')) {
      size_t len = strcspn(text + 2, " \n");
      int known;
      int set = look_up(v, text + 2, len, &known) != 0;
      if (!known) return errno = EDOM, 0;
      wanted = set == (text[1] == '+');
      size_t skip = 2 + len + (text[2 + len] == ' ');
      text += skip;
      n -= skip;
    }
    if (wanted && !put_line(out, text, n, v, quote)) return 0;
    text = next;
  }
  return 1;
}
