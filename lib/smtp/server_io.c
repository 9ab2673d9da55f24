/* The session's buffers: input that is read in large pieces, replies that leave together when all input is used up
 * (RFC 2920 3.2). */
#include <errno.h>
#include <string.h>
#include "base/io.h"
#include "smtp/server_session.h"

static void over(struct session *s, char const *why)
{
  if (s->state != STATE_OVER) s->why = why;
  s->state = STATE_OVER;
}

int64_t session_deadline(struct session const *s)
{
  int64_t deadline = io_now() + s->command_time;
  return deadline < s->end ? deadline : s->end;
}

int session_flush(struct session *s, int64_t deadline)
{
  size_t n = s->out_len;
  s->out_len = 0;
  if (!n || s->world->write(s->world->arg, s->out, n, deadline) == 0) return 0;
  over(s, errno == ETIMEDOUT ? "write-timeout" : "write-error");
  return -1;
}

void session_close(struct session *s, enum reply r, char const *why)
{
  session_reply(s, r, 0);
  over(s, why);
}

int session_expired(struct session *s)
{
  if (s->state != STATE_OVER && io_now() >= s->end) session_close(s, REPLY_SESSION_TIME, "session-time");
  return s->state == STATE_OVER;
}

int session_fill(struct session *s, int64_t deadline)
{
  if (session_expired(s) || session_flush(s, deadline) < 0) return -1;
  if (s->in_at) memmove(s->in, s->in + s->in_at, s->in_len);
  s->in_at = 0;
  ssize_t r = s->world->read(s->world->arg, s->in + s->in_len, sizeof s->in - s->in_len, deadline);
  if (r > 0) {
    s->in_len += (size_t)r;
    return 0;
  }
  if (r == 0) over(s, "closed");
  else if (errno != ETIMEDOUT) over(s, "read-error");
  else if (deadline == s->end) session_close(s, REPLY_SESSION_TIME, "session-time");
  else session_close(s, REPLY_TIMEOUT, "timeout");
  return -1;
}

void session_used(struct session *s, size_t n)
{
  s->in_at += n;
  s->in_len -= n;
  if (!s->in_len) s->in_at = 0;
}

void session_put(struct session *s, char const *line, size_t len)
{
  if (s->state == STATE_OVER) return;
  if (len > sizeof s->out - s->out_len && session_flush(s, session_deadline(s)) < 0) return;
  memcpy(s->out + s->out_len, line, len);
  s->out_len += len;
}

void session_count(struct session *s, unsigned code)
{
  if (code >= 400 && code != 421) s->errors++;
}

void session_refuse(struct session *s, enum reply r)
{
  session_log_refused(s, r);
  session_reply(s, r, 0);
}

void session_reply(struct session *s, enum reply r, char const *more)
{
  char line[REPLY_LINE];
  session_put(s, line, reply_fmt(line, r, more));
  /* no errors: RFC 5321 4.5.3.1.10; and what is not the client's fault, though it waits for us each time */
  if (r != REPLY_RECIPIENTS && r != REPLY_MAILBOX_UNKNOWN && r != REPLY_MX_UNKNOWN) session_count(s, reply_code(r));
}
