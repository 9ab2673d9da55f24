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
  for (;;) {
    char const *from = s + *used, *lf = memchr(from + l->seen, '\n', n - *used - l->seen);
    if (!lf) break;
    size_t at = (size_t)(lf - from), crlf = at && from[at - 1] == '\r';
    *used += at + 1;
    if (crlf && l->tainted) { /* what began behind a bare LF is over */
      l->tainted = 0;
      l->seen = 0;
      l->status = LINE_OK;
      continue;
    }
    if (!crlf && !l->lf_ok) {
      l->tainted = 1;
      l->seen = 0;
      l->status = LINE_OK;
      return LINE_BARE;
    }
    return finish(l, from, at - crlf, at, len);
  }
  l->seen = n - *used;
  if (l->seen >= l->max || l->tainted) {
    /* Drop all but a CR at the end, which may be the first half of CRLF. */
    if (!l->tainted) l->status = LINE_LONG;
    size_t keep = l->seen && s[n - 1] == '\r';
    *used = n - keep;
    l->seen = keep;
  }
  return LINE_MORE;
}
