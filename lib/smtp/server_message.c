/* A message on its way from the client to the injector. As soon as it is known to be refused the injector is aborted
 * and the rest is dropped as it comes, so that memory stays bounded and nothing is written in vain. */
#include <string.h>
#include <time.h>
#include "smtp/server_session.h"

#define SMALL 4096 /* bytes of a message's text that go along with its trace */

void message_begin(struct session *s, unsigned mode)
{
  struct message *m = &s->message;
  if (s->facts->lf_ok && s->relay.trusted) mode |= EOD_LF_OK;
  m->traced = 0;
  m->refusal = REPLY_NONE;
  m->fault = 0;
  m->held = 0;
  eod_init(&m->eod, mode, s->text_line);
  header_init(&m->header);
  from_init(&m->from);
}

static void refuse(struct session *s, enum reply r, char const *fault)
{
  s->message.refusal = r;
  s->message.fault = fault;
  if (s->message.running) s->world->abort(s->world->arg);
  s->message.running = 0;
}

/* Is there something to object to so far? Of several faults the answer names the gravest, in whatever pieces they
 * came. */
static void judge(struct session *s)
{
  struct message const *m = &s->message;
  unsigned faults = m->eod.faults;
  if (faults & EOD_NUL) refuse(s, REPLY_TEXT_NUL, "nul");
  else if (faults & EOD_BARE_CR) refuse(s, REPLY_TEXT_BARE, "bare-cr");
  else if (faults & EOD_BARE_LF) refuse(s, REPLY_TEXT_BARE, "bare-lf");
  else if (faults & EOD_LONG) refuse(s, REPLY_TEXT_LONG, "long-line");
  else if (s->size && m->eod.size > s->size) refuse(s, REPLY_SIZE, "size");
  else if (m->header.received > s->hops) refuse(s, REPLY_HOPS, "hops");
}

static void pass(struct session *s, char const *text, size_t n, int64_t deadline)
{
  if (n && s->message.running) s->world->body(s->world->arg, text, n, deadline);
}

/* Once it is known how the message begins: the trace, an empty line if the message has no header, what was held back,
 * and of the text behind that as much as makes one write of a small message. Returns the bytes of text that were
 * taken. */
static size_t pass_start(struct session *s, char const *text, size_t n, int64_t deadline)
{
  struct message *m = &s->message;
  char out[LIMIT_TRACE + 1 + sizeof m->start + SMALL];
  size_t at = trace_fmt(out, s, (int64_t)time(0));
  m->traced = 1;
  if (m->header.start == HEADER_MISSING) out[at++] = '\n';
  memcpy(out + at, m->start, m->held);
  at += m->held;
  if (n > SMALL) n = 0;
  if (n) memcpy(out + at, text, n);
  pass(s, out, at + n, deadline);
  return n;
}

/* Text of the queue's form. */
static void pass_text(struct session *s, char const *text, size_t n)
{
  struct message *m = &s->message;
  int64_t deadline = session_deadline(s);
  size_t begin = 0, taken = 0;
  if (login_checks_from(s)) from_feed(&m->from, text, n);
  while (begin < n && m->header.start == HEADER_UNKNOWN) { /* byte by byte, HEADER_NAME + 1 at most */
    header_feed(&m->header, text + begin, 1);
    if (m->held < sizeof m->start) m->start[m->held++] = text[begin];
    begin++;
  }
  header_feed(&m->header, text + begin, n - begin);
  judge(s);
  if (m->refusal || m->header.start == HEADER_UNKNOWN) return;
  if (!m->traced) taken = pass_start(s, text + begin, n - begin, deadline);
  pass(s, text + begin + taken, n - begin - taken, deadline);
}

void message_feed(struct session *s, char *buf, size_t n, size_t *used)
{
  struct message *m = &s->message;
  size_t text = eod_feed(&m->eod, buf, n, used);
  judge(s);
  if (!m->refusal) pass_text(s, buf, text);
}

static enum reply result_reply(struct inject_result const *r)
{
  switch (r->code) {
    case 0: return REPLY_ACCEPTED;
    case 11: return REPLY_QUEUE_ADDRESS;
    case 31: return REPLY_QUEUE_REFUSED;
    case 51: return REPLY_MEMORY;
    case INJECT_TIMEOUT: return REPLY_INJECTOR_TIME;
    case 53: return REPLY_INJECTOR_FULL;
    case 56: case 71: case 72: case 73: case 74: return REPLY_INJECTOR_HOP;
    default: return r->kind == 'D' ? REPLY_QUEUE_REFUSED : REPLY_INJECTOR;
  }
}

/* Hands over the envelope and says what the injector said. */
static void finish(struct session *s)
{
  struct inject_result r;
  char line[REPLY_LINE];
  s->message.running = 0;
  notices_tell(s);
  s->world->finish(s->world->arg, s->sender.text, s->recipients.s, s->recipients.len, session_deadline(s), &r);
  enum reply reply = result_reply(&r);
  if (!r.code) s->messages++;
  if (!r.code) s->bytes += s->message.eod.size;
  session_log_message(s, &r);
  if (r.code == 82 && r.text[0]) {
    session_put(s, line, reply_fmt_own(line, reply, r.text));
    session_count(s, reply_code(reply));
  } else session_reply(s, reply, r.code ? 0 : s->message.id);
}

void message_end(struct session *s)
{
  struct message *m = &s->message;
  if (s->state == STATE_OVER) return; /* nobody hears the answer: the message stays the client's, the injector goes */
  int add_lf = m->eod.mode & EOD_BDAT ? eod_last(&m->eod) : 0;
  judge(s);
  if (!m->refusal && add_lf) pass_text(s, "\n", 1);
  if (!m->refusal && !login_may_say(s)) refuse(s, REPLY_WRONG_FROM, "from");
  if (!m->refusal && !m->traced) {
    header_end(&m->header);
    pass_start(s, 0, 0, session_deadline(s));
  }
  if (m->refusal) {
    session_log_message(s, 0);
    session_reply(s, m->refusal, 0);
  } else finish(s);
  session_reset(s);
}
