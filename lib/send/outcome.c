/* What became of a message's recipients. A letter in the file follows the fact: delivered, or the report
 * is queued. */
#include <errno.h>
#include <string.h>
#include <skalibs/random.h>
#include "base/log.h"
#include "send/destination.h"
#include "send/hold.h"
#include "send/outcome.h"
#include "send/owed.h"
#include "send/retry.h"

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

static void stays(struct message *m, char const *route, int64_t next)
{
  destination_left(m, destination_hash(route), 1);
  if (!m->next || next < m->next) m->next = next;
}

static void note(struct send *s, struct message *m, size_t at, enum outcome o, char const *text, char const *route,
  char const *tls, int64_t next)
{
  enum notice_kind kind = NOTICE_FAILED;
  if (o == OUTCOME_DEFERRED && s->now - m->store.arrival >= s->routing.queue_time) {
    o = OUTCOME_FAILED;
    kind = NOTICE_EXPIRED;
  }
  log_outcome(m, at, o, text, route, tls);
  if (o == OUTCOME_FAILED && owed_add(m, at, kind, text)) return;
  int tell = o == OUTCOME_DEFERRED && m->store.envelope[at] == STORE_TODO && owed_late(s, m);
  if (tell && owed_wanted(m, at, NOTICE_DELAYED)) owed_add(m, at, NOTICE_DELAYED, text); /* else at the next try */
  stays(m, route, next);
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

/* Notes letters in the file of a message, and syncs them all. */
struct notes { struct message *m; int error; };

static void note_letter(struct notes *n, size_t at, enum store_letter letter)
{
  if (store_note(&n->m->store, at, letter) < 0 && !n->error) n->error = errno; /* all: in memory it stands at once */
}

static void end_notes(struct send *s, struct notes *n)
{
  if (store_sync(&n->m->store) < 0 && !n->error) n->error = errno;
  errno = n->error;
  if (n->error) hold_add(s, n->m);
}

/* There was no memory for what is owed: the recipient stays as he is, and is looked at again. */
static void no_memory(struct send *s, struct message *m)
{
  int64_t next = s->now + RETRY_LEAST;
  m->left++;
  m->left_mixed = 1;
  if (!m->next || next < m->next) m->next = next;
}

/* It has been delivered to this recipient; what his sender is to hear of that, we must see to. Returns 1 when there is
 * something. */
static int success(struct send *s, struct message *m, size_t at, struct report const *r, char const *text,
  char const *route)
{
  struct route to;
  if (r->dsn || !owed_wanted(m, at, NOTICE_RELAYED)) return 0;
  int final = route_scan(&to, route) && to.lmtp;
  if (!owed_add(m, at, final ? NOTICE_DELIVERED : NOTICE_RELAYED, text)) no_memory(s, m);
  return 1;
}

int outcome_alone(struct send *s, struct message *m, size_t at)
{
  enum notice_kind kind;
  char const *text;
  if (!owed_alone(m, at, &kind, &text)) return 0;
  if (!owed_add(m, at, kind, text)) no_memory(s, m);
  return 1;
}

/* Ends the delivery, of whose recipients the first `delivered` in at are done, and the next `owed` but for a report. */
static void end(struct send *s, struct delivery *v, unsigned delivered, unsigned owed)
{
  struct message *m = v->message;
  struct notes n = { m, 0 };
  m->out--;
  int last = !m->out && !m->late && m->ended && !m->left && !m->failed; /* the file goes at once, and needs no mark */
  for (unsigned i = 0; i < delivered + owed && !last; i++)
    note_letter(&n, v->at[i], i < delivered ? STORE_DONE : STORE_OWED);
  if (delivered + owed && !last) end_notes(s, &n);
  delivery_free(v);
  message_advance(s, m);
}

void message_outcome(struct send *s, struct delivery *v, enum outcome o, char const *text, char const *route)
{
  for (unsigned i = 0; i < v->n; i++) outcome_note(s, v->message, v->at[i], o, text, route);
  end(s, v, 0, 0);
}

void message_report(struct send *s, struct delivery *v, struct report const *r, char const *route)
{
  uint32_t owing[DELIVERY_RECIPIENTS];
  unsigned delivered = 0, owed = 0;
  size_t pos = 0;
  for (unsigned i = 0; i < v->n; i++) {
    char const *text;
    enum outcome o = report_next(r, &pos, &text);
    note_with(s, v->message, v->at[i], o, text, route, r->tls);
    if (o != OUTCOME_DELIVERED) continue;
    if (success(s, v->message, v->at[i], r, text, route)) owing[owed++] = v->at[i];
    else v->at[delivered++] = v->at[i];
  }
  memcpy(v->at + delivered, owing, owed * sizeof *owing);
  end(s, v, delivered, owed);
}

void outcome_settle(struct send *s, struct message *m)
{
  struct notes n = { m, 0 };
  struct owed o;
  size_t pos = 0;
  int last = !m->out && m->ended && !m->left;
  while (!last && owed_next(m, &pos, &o)) note_letter(&n, o.at, o.kind == NOTICE_DELAYED ? STORE_WARNED : STORE_DONE);
  end_notes(s, &n);
  m->failures.len = 0;
  m->failed = 0;
}

void outcome_keep(struct send *s, struct message *m)
{
  struct owed o;
  size_t pos = 0;
  int64_t next = next_try(s, m);
  if (next < s->now + RETRY_LEAST) next = s->now + RETRY_LEAST;
  if (!m->next || next < m->next) m->next = next;
  while (owed_next(m, &pos, &o)) m->left += o.kind != NOTICE_DELAYED; /* those are left anyway */
  m->left_mixed = 1;
  m->failures.len = 0;
  m->failed = 0;
}
