/* What became of a message's recipients. A mark in the file follows the fact: delivered, or the bounce is queued. */
#include <errno.h>
#include <string.h>
#include <skalibs/random.h>
#include "base/log.h"
#include "send/destination.h"
#include "send/hold.h"
#include "send/outcome.h"
#include "send/retry.h"

#define TOO_LONG " The message was tried for too long. (#4.4.7)" /* RFC 3463 3.5 */

static char const *const words[] = { "delivered", "deferred", "failed" };

/* What relay-remote says of TLS: "TLSv1.3 CIPHER BY", or "none WHY". */
static void log_tls(struct log_line *l, char const *s)
{
  static char const *const keys[] = { "tls", "cipher", "verified" };
  if (!strncmp(s, "none", 4)) {
    log_str(l, "tls", "none");
    if (s[4]) log_str(l, "tls-error", s + 5);
    return;
  }
  for (unsigned i = 0; i < 3 && *s; i++) {
    size_t n = strcspn(s, " ");
    log_bytes(l, keys[i], s, n);
    s += n;
    if (*s) s++;
  }
}

static void log_outcome(struct message const *m, size_t at, enum outcome o, char const *text, char const *route,
  char const *tls)
{
  struct log_line l;
  log_start(&l, "delivery");
  log_str(&l, "id", m->id);
  log_str(&l, "to", m->store.envelope + at + 1);
  log_str(&l, "route", route);
  log_str(&l, "status", words[o]);
  log_tls(&l, tls);
  log_bytes(&l, "text", text, strnlen(text, REASON_TEXT));
  log_end(&l);
}

static int64_t next_try(struct send const *s, struct message const *m)
{
  uint32_t random;
  random_buf((char *)&random, sizeof random);
  int64_t next = retry_next(m->store.arrival, s->now, random), last = m->store.arrival + s->routing.queue_time;
  return next > last && last > s->now ? last : next; /* the last try comes when its time is over, not hours later */
}

static int remember(struct message *m, size_t at, char const *text, char const *more)
{
  uint32_t position = (uint32_t)at;
  size_t len = m->failures.len;
  if (stralloc_catb(&m->failures, (char *)&position, sizeof position)
      && stralloc_catb(&m->failures, text, strnlen(text, REASON_TEXT))
      && stralloc_catb(&m->failures, more, strlen(more) + 1)) {
    m->failed++;
    return 1;
  }
  m->failures.len = len;
  return 0;
}

static void note(struct send *s, struct message *m, size_t at, enum outcome o, char const *text, char const *route,
  char const *tls, int64_t next)
{
  char const *more = "";
  if (o == OUTCOME_DEFERRED && s->now - m->store.arrival >= s->routing.queue_time) {
    o = OUTCOME_FAILED;
    more = TOO_LONG;
  }
  log_outcome(m, at, o, text, route, tls);
  if (o == OUTCOME_FAILED && remember(m, at, text, more)) return;
  destination_left(m, destination_hash(route), 1);
  if (!m->next || next < m->next) m->next = next;
}

static void note_with(struct send *s, struct message *m, size_t at, enum outcome o, char const *text, char const *route,
  char const *tls)
{
  if (o == OUTCOME_DELIVERED) log_outcome(m, at, o, text, route, tls);
  else note(s, m, at, o, text, route, tls, next_try(s, m));
}

void outcome_note(struct send *s, struct message *m, size_t at, enum outcome o, char const *text, char const *route)
{
  note_with(s, m, at, o, text, route, "");
}

void outcome_rest(struct send *s, struct message *m, size_t at, struct destination const *d)
{
  int64_t next = next_try(s, m);
  note(s, m, at, OUTCOME_DEFERRED, d->reason, d->word, "", next < d->rest_until ? d->rest_until : next);
}

void outcome_mark(struct send *s, struct message *m, uint32_t const *at, unsigned n)
{
  int e = 0;
  for (unsigned i = 0; i < n; i++) /* all of them: in memory the mark stands at once */
    if (store_mark(&m->store, at[i]) < 0 && !e) e = errno;
  if (store_sync(&m->store) < 0 && !e) e = errno;
  errno = e;
  if (e) hold_add(s, m);
}

int outcome_failure(struct message const *m, size_t *pos, uint32_t *at, char const **text)
{
  if (*pos >= m->failures.len) return 0;
  memcpy(at, m->failures.s + *pos, sizeof *at);
  *text = m->failures.s + *pos + sizeof *at;
  *pos += sizeof *at + strlen(*text) + 1;
  return 1;
}

/* Ends the delivery, of whose recipients the first `delivered` in at are done. */
static void end(struct send *s, struct delivery *v, unsigned delivered)
{
  struct message *m = v->message;
  m->out--;
  int last = !m->out && !m->late && m->ended && !m->left && !m->failed; /* the file goes at once, and needs no mark */
  if (delivered && !last) outcome_mark(s, m, v->at, delivered);
  delivery_free(v);
  message_advance(s, m);
}

void message_outcome(struct send *s, struct delivery *v, enum outcome o, char const *text, char const *route)
{
  for (unsigned i = 0; i < v->n; i++) outcome_note(s, v->message, v->at[i], o, text, route);
  end(s, v, o == OUTCOME_DELIVERED ? v->n : 0);
}

void message_report(struct send *s, struct delivery *v, struct report const *r, char const *route)
{
  unsigned delivered = 0;
  size_t pos = 0;
  for (unsigned i = 0; i < v->n; i++) {
    char const *text;
    enum outcome o = report_next(r, &pos, &text);
    note_with(s, v->message, v->at[i], o, text, route, r->tls);
    if (o == OUTCOME_DELIVERED) v->at[delivered++] = v->at[i];
  }
  end(s, v, delivered);
}

void outcome_settle(struct send *s, struct message *m)
{
  size_t pos = 0;
  uint32_t at;
  char const *text;
  int e = 0, last = !m->out && m->ended && !m->left;
  while (!last && outcome_failure(m, &pos, &at, &text))
    if (store_mark(&m->store, at) < 0 && !e) e = errno;
  if (store_sync(&m->store) < 0 && !e) e = errno;
  errno = e;
  if (e) hold_add(s, m);
  m->failures.len = 0;
  m->failed = 0;
}

void outcome_keep(struct send *s, struct message *m)
{
  int64_t next = next_try(s, m);
  if (next < s->now + RETRY_LEAST) next = s->now + RETRY_LEAST;
  if (!m->next || next < m->next) m->next = next;
  m->left += m->failed;
  m->left_mixed = 1;
  m->failures.len = 0;
  m->failed = 0;
}

void message_bounced(struct send *s, struct message *m, int queued)
{
  if (queued) outcome_settle(s, m);
  else outcome_keep(s, m);
  message_advance(s, m);
}
