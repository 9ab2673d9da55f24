/* DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030): the message's bytes, as they come. */
#include <strings.h>
#include "parse/number.h"
#include "smtp/server_session.h"

/* Reads when no input is left; each piece may take a command's time. Returns 0, or -1: the session is over, even if
 * input is left: a reply could not be sent. */
static int more(struct session *s)
{
  return s->in_len && s->state != STATE_OVER ? 0 : session_fill(s, session_deadline(s));
}

void session_data(struct session *s, char const *arg, size_t len)
{
  size_t used;
  /* How DATA itself ended tells what the client means by a line, and so by the end. It could only end with LF if the
   * client is trusted and -b was given; what passes CRLF through to us can't be made to send that. */
  int lf = s->line.lf_ok && s->line.by_lf;
  (void)arg, (void)len;
  session_reply(s, REPLY_GO_AHEAD, 0);
  message_begin(s, lf ? EOD_LF_LINES : 0);
  while (!s->message.eod.ended) {
    if (more(s) < 0) return;
    message_feed(s, s->in + s->in_at, s->in_len, &used);
    session_used(s, used);
  }
  message_end(s);
}

struct chunk {
  uint64_t size;
  unsigned last : 1;
  unsigned endless : 1;  /* its size is beyond counting: what follows can't be told from commands */
};

/* chunk-size [SP "LAST"]. The size is set whenever it can be read, since so many bytes come whatever the answer is. */
static enum reply bdat_syntax(struct chunk *c, char const *arg, size_t len)
{
  size_t digits = 0, at;
  *c = (struct chunk){ 0 };
  while (digits < len && arg[digits] >= '0' && arg[digits] <= '9') digits++;
  for (at = digits; at < len && arg[at] == ' '; at++);
  enum number_status n = number_scan(arg, digits, INT64_MAX, &c->size);
  if (n == NUMBER_BIG) {
    c->size = 0;
    c->endless = 1;
    return REPLY_SIZE;
  }
  if (n == NUMBER_BAD) return REPLY_SYNTAX;
  if (at == len) return digits < at ? REPLY_SYNTAX : REPLY_NONE;
  c->last = at > digits && len - at == 4 && !strncasecmp(arg + at, "LAST", 4);
  return c->last ? REPLY_NONE : REPLY_SYNTAX;
}

/* Takes the chunk's bytes: into the message, or nowhere. Returns 0, or -1: the session is over. */
static int take(struct session *s, uint64_t left, int keep)
{
  while (left) {
    if (more(s) < 0) return -1;
    size_t n = s->in_len < left ? s->in_len : (size_t)left, used;
    if (keep) message_feed(s, s->in + s->in_at, n, &used);
    session_used(s, n);
    left -= n;
  }
  return 0;
}

static void refuse(struct session *s, struct chunk const *c, enum reply r)
{
  if (take(s, c->size, 0) < 0) return;
  session_refuse(s, r);
  if (c->endless) session_close(s, REPLY_ERRORS, "endless-chunk");
}

void session_bdat_refuse(struct session *s, char const *arg, size_t len, enum reply r)
{
  struct chunk c;
  bdat_syntax(&c, arg, len);
  refuse(s, &c, r);
}

void session_bdat(struct session *s, char const *arg, size_t len)
{
  struct chunk c;
  enum reply no = bdat_syntax(&c, arg, len);
  if (no) {
    refuse(s, &c, no);
    return;
  }
  if (s->state == STATE_RCPT) message_begin(s, EOD_BDAT);
  s->state = STATE_CHUNK;
  if (take(s, c.size, 1) < 0) return;
  if (c.last) message_end(s);
  else if (s->message.refusal) session_refuse(s, s->message.refusal);
  else session_reply(s, REPLY_CHUNK_OK, 0);
}
