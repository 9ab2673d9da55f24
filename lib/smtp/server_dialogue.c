/* AUTH's dialogue: 334 and base64, lines of up to 12 KB (RFC 4954 4). What the client says may be a secret: it stays
 * nowhere but in the response. */
#include <string.h>
#include "codec/base64.h"
#include "smtp/server_session.h"

enum reply response_decode(struct response *r, char const *s, size_t n)
{
  r->len = 0;
  if (n == 1 && *s == '=') return REPLY_NONE;
  return n <= sizeof r->s && codec_unbase64(r->s, &r->len, s, n) ? REPLY_NONE : REPLY_BASE64;
}

static enum reply take(struct response *r, char const *s, size_t n)
{
  if (n == 1 && *s == '*') return REPLY_CANCELLED;
  if (n == 1 && *s == '=') return REPLY_BASE64; /* that stands for nothing with AUTH itself alone */
  return response_decode(r, s, n);
}

/* The next line. What the session's end makes of it nobody sees. */
static enum reply read_line(struct session *s, struct response *r)
{
  static enum reply const faults[] = {
    [LINE_BARE] = REPLY_BARE, [LINE_NUL] = REPLY_NUL, [LINE_LONG] = REPLY_RESPONSE_LONG
  };
  int64_t deadline = session_deadline(s);
  for (;;) {
    size_t used, len;
    char *at = s->in + s->in_at;
    enum line_status status = line_next(&s->line, at, s->in_len, &used, &len);
    enum reply no = status == LINE_OK ? take(r, at, len) : status == LINE_MORE ? REPLY_NONE : faults[status];
    session_wipe(s, used);
    if (status != LINE_MORE) return no;
    if (session_fill(s, deadline) < 0) return REPLY_CANCELLED;
  }
}

enum reply response_get(struct session *s, struct response *r, char const *challenge, size_t n)
{
  char line[4 + CODEC_BASE64(CHECKER_MESSAGE) + 2] = "334 ";
  size_t len = 4 + codec_base64(line + 4, challenge, n);
  memcpy(line + len, "\r\n", 2);
  session_put(s, line, len + 2);
  s->line.max = LIMIT_RESPONSE_LINE;
  enum reply no = read_line(s, r);
  s->line.max = LIMIT_COMMAND_LINE;
  return no;
}
