/* Replies of a server. */
#include <string.h>
#include "smtp/client_reply.h"

void client_reply_start(struct client_reply *r, void (*each)(void *, unsigned, char const *, size_t), void *arg)
{
  r->code = 0;
  r->lines = 0;
  r->text[0] = 0;
  r->text_len = 0;
  r->line_len = 0;
  r->each = each;
  r->arg = arg;
}

static int digit(char c)
{
  return c >= '0' && c <= '9';
}

static void put(struct client_reply *r, char const *s, size_t n)
{
  for (; n && r->text_len < sizeof r->text - 1; s++, n--) {
    r->text[r->text_len++] = *s >= ' ' && *s <= '~' ? *s : *s == '\t' ? ' ' : '?';
  }
  r->text[r->text_len] = 0;
}

/* Bytes of an enhanced code at s, "4.0.0" to "5.999.999": class "." 1*3 digits "." 1*3 digits, then a space or the
 * end. 0: none. */
static size_t enhanced(char const *s, size_t n, int class)
{
  size_t i = 1;
  if (n < 5 || s[0] != (char)('0' + class)) return 0;
  for (unsigned part = 0; part < 2; part++) {
    if (i >= n || s[i++] != '.') return 0;
    size_t start = i;
    while (i < n && i - start < 3 && digit(s[i])) i++;
    if (i == start) return 0;
  }
  return i == n || s[i] == ' ' ? i : 0;
}

size_t client_reply_enhanced(struct client_reply const *r, char const **at)
{
  *at = r->text + 4;
  return r->text_len > 4 ? enhanced(r->text + 4, r->text_len - 4, r->code / 100) : 0;
}

/* Appends a line's text; of the second and later lines without an enhanced code that the first had already said. */
static void append(struct client_reply *r, char const *s, size_t n)
{
  char const *first;
  size_t have = r->lines > 1 ? client_reply_enhanced(r, &first) : 0;
  if (have && enhanced(s, n, r->code / 100) == have && !memcmp(s, first, have)) s += have, n -= have;
  while (n && *s == ' ') s++, n--;
  while (n && s[n - 1] == ' ') n--;
  if (!n) return;
  put(r, " ", 1);
  put(r, s, n);
}

/* A whole line, without its end, is in r->line. */
static enum client_reply_state line(struct client_reply *r)
{
  char const *s = r->line;
  size_t n = r->line_len;
  if (n < 3 || !digit(s[0]) || !digit(s[1]) || !digit(s[2])) return CLIENT_REPLY_BAD;
  int code = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
  if (code < 200 || code > 599) return CLIENT_REPLY_BAD;
  if (n > 3 && s[3] != ' ' && s[3] != '-') return CLIENT_REPLY_BAD;
  if (r->lines && code != r->code) return CLIENT_REPLY_BAD;
  if (++r->lines > LIMIT_REPLY_LINES) return CLIENT_REPLY_BAD;
  if (r->lines == 1) {
    r->code = code;
    put(r, s, 3);
  }
  size_t skip = n > 3 ? 4 : 3;
  append(r, s + skip, n - skip);
  if (r->each) r->each(r->arg, r->lines, s + skip, n - skip);
  r->line_len = 0;
  return n > 3 && s[3] == '-' ? CLIENT_REPLY_MORE : CLIENT_REPLY_DONE;
}

enum client_reply_state client_reply_feed(struct client_reply *r, char const *s, size_t n, size_t *used)
{
  *used = 0;
  while (*used < n) {
    char const *from = s + *used, *lf = memchr(from, '\n', n - *used);
    size_t take = lf ? (size_t)(lf - from) : n - *used;
    if (take + (lf ? 1 : 0) > sizeof r->line - r->line_len) return CLIENT_REPLY_BAD;
    memcpy(r->line + r->line_len, from, take);
    r->line_len += take;
    *used += take;
    if (!lf) return r->line_len == sizeof r->line ? CLIENT_REPLY_BAD : CLIENT_REPLY_MORE;
    ++*used;
    if (r->line_len && r->line[r->line_len - 1] == '\r') r->line_len--;
    enum client_reply_state state = line(r);
    if (state != CLIENT_REPLY_MORE) return state;
  }
  return CLIENT_REPLY_MORE;
}
