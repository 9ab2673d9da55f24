/* SMTP command lines. */
#include <string.h>
#include "parse/line.h"

void line_init(struct line *l, size_t max, int lf_ok)
{
  *l = (struct line){ .max = max, .status = LINE_OK, .lf_ok = !!lf_ok };
}

/* A line s[0..end) ends with the LF at s[lf]. Returns what it is, and begins anew. */
static enum line_status finish(struct line *l, char const *s, size_t end, size_t lf, size_t *len)
{
  enum line_status status = l->status == LINE_LONG || lf + 1 > l->max ? LINE_LONG
    : memchr(s, 0, end) ? LINE_NUL
    : memchr(s, '\r', end) ? LINE_BARE
    : LINE_OK;
  l->seen = 0;
  l->status = LINE_OK;
  if (status == LINE_OK) *len = end;
  return status;
}

enum line_status line_next(struct line *l, char const *s, size_t n, size_t *used, size_t *len)
{
  *used = *len = 0;
  char const *lf = memchr(s + l->seen, '\n', n - l->seen);
  if (lf) {
    size_t at = (size_t)(lf - s), crlf = at && s[at - 1] == '\r';
    *used = at + 1;
    l->by_lf = !crlf;
    if (!l->tainted && (crlf || l->lf_ok)) return finish(l, s, at - crlf, at, len);
    l->tainted = !crlf;
    l->seen = 0;
    l->status = LINE_OK;
    return LINE_BARE;
  }
  l->seen = n;
  if (n >= l->max) { /* drop all but a CR at the end, which may be the first half of CRLF */
    l->status = LINE_LONG;
    l->seen = s[n - 1] == '\r';
    *used = n - l->seen;
  }
  return LINE_MORE;
}
