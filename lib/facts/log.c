/* Facts from a line of the log: of a recipient, or of MAIL with a sender that the login may not use. A line is words
 * with a space between each two; behind `relay-smtpd:` each is KEY=VALUE, and no value holds a space, `=` or anything
 * else that base/log.h would not write: so a client can't make one look like another field. */
#include <string.h>
#include "base/log.h"
#include "codec/escape.h"
#include "facts/facts.h"

#define PROGRAM "relay-smtpd:"
#define SENDER_NOT_YOURS "reason=sender-not-yours" /* reason_word(REASON_WRONG_SENDER) */

struct reader {
  struct question *q;
  struct logged *logged;
  uint32_t seen;               /* the fields that came already */
  unsigned environment : 1;    /* trusted=environment */
  unsigned norelay : 1;
  char const *relayclient;
};

struct text {
  char const *s;
  size_t n;
};

/* Each reads the value of a field: 1, or 0 when it can't be. */
static int read_client(struct reader *r, struct text v)
{
  return (v.n == 7 && !memcmp(v.s, "unknown", 7)) || ip_scan(&r->q->facts.client, v.s, v.n);
}

static int read_sender(struct reader *r, struct text v)
{
  question_sender(r->q, v.s, v.n);
  return !r->q->sender_error;
}

static int read_recipient(struct reader *r, struct text v)
{
  question_recipient(r->q, v.s, v.n);
  return !r->q->recipient_error;
}

static int read_mailbox(struct reader *r, struct text v)
{
  return answers_mailbox(&r->q->given, v.s, v.n);
}

static int read_becomes_mailbox(struct reader *r, struct text v)
{
  return answers_mailbox(&r->q->becomes, v.s, v.n);
}

static int read_mx(struct reader *r, struct text v)
{
  return answers_mx(&r->q->given, v.s, v.n);
}

static int read_becomes_mx(struct reader *r, struct text v)
{
  return answers_mx(&r->q->becomes, v.s, v.n);
}

static int read_trusted(struct reader *r, struct text v)
{
  r->environment = v.n == 11 && !memcmp(v.s, "environment", 11);
  return (r->logged->trusted = question_keep(r->q, v.s, v.n)) != 0;
}

static int read_norelay(struct reader *r, struct text v)
{
  r->norelay = 1;
  return v.n == 1 && *v.s == '1';
}

static int read_tls(struct reader *r, struct text v)
{
  r->q->facts.tls = 1;
  return v.n == 1 && *v.s == '1';
}

static int read_wrong_sender(struct reader *r, struct text v)
{
  r->q->facts.wrong_sender = 1;
  return v.n == 1 && *v.s == '1';
}

static int read_pop_unknown(struct reader *r, struct text v)
{
  r->q->facts.stamp_unknown = 1;
  return v.n == 1 && *v.s == '1';
}

#define KEPT(name, where) \
  static int read_##name(struct reader *r, struct text v) \
  { \
    return (where = question_keep(r->q, v.s, v.n)) != 0; \
  }
KEPT(host, r->q->host)
KEPT(info, r->q->info)
KEPT(listener, r->q->facts.listener)
KEPT(relayclient, r->relayclient)
KEPT(login, r->q->facts.login)
KEPT(pop, r->q->facts.stamp)
KEPT(verdict, r->logged->verdict)
KEPT(reason, r->logged->reason)
KEPT(rule, r->logged->rule)
KEPT(becomes, r->logged->becomes)
KEPT(id, r->logged->id)

/* Those that a line must have come first: the last two of a recipient's alone. */
#define NEEDED 4
#define NEEDED_AT_MAIL 2
static struct { char const *key; int (*read)(struct reader *, struct text); } const fields[] = {
  { "client", read_client }, { "sender", read_sender }, { "recipient", read_recipient }, { "verdict", read_verdict },
  { "host", read_host }, { "info", read_info }, { "listener", read_listener }, { "trusted", read_trusted },
  { "relayclient", read_relayclient }, { "login", read_login }, { "norelay", read_norelay }, { "tls", read_tls },
  { "pop", read_pop }, { "pop-unknown", read_pop_unknown }, { "mailbox", read_mailbox }, { "mx", read_mx },
  { "reason", read_reason }, { "rule", read_rule }, { "becomes", read_becomes },
  { "becomes-mailbox", read_becomes_mailbox }, { "becomes-mx", read_becomes_mx }, { "id", read_id },
  { "wrong-sender", read_wrong_sender },
};

/* The next word of t, which moves on; none: n is 0. */
static struct text next_word(struct text *t)
{
  while (t->n && *t->s == ' ') t->s++, t->n--;
  char const *space = memchr(t->s, ' ', t->n);
  struct text word = { t->s, space ? (size_t)(space - t->s) : t->n };
  t->s += word.n;
  t->n -= word.n;
  return word;
}

static int is(struct text w, char const *s)
{
  return w.n == strlen(s) && !memcmp(w.s, s, w.n);
}

static int has(struct text line, char const *s)
{
  for (struct text word = next_word(&line); word.n; word = next_word(&line)) if (is(word, s)) return 1;
  return 0;
}

enum event { EVENT_OTHER, EVENT_RECIPIENT, EVENT_SENDER };

/* Moves behind `relay-smtpd: event=...`. *length: of the line from the program's name on. */
static enum event find_event(struct text *line, size_t *length)
{
  for (struct text word = next_word(line); word.n; word = next_word(line)) {
    if (!is(word, PROGRAM)) continue;
    *length = word.n + line->n;
    struct text event = next_word(line);
    if (is(event, "event=recipient")) return EVENT_RECIPIENT;
    return is(event, "event=refused") && has(*line, SENDER_NOT_YOURS) ? EVENT_SENDER : EVENT_OTHER;
  }
  return EVENT_OTHER;
}

/* Returns what is wrong, or null. Unknown fields are passed over: other versions may have them. */
static char const *read_field(struct reader *r, struct text word)
{
  char value[LOG_LINE];
  struct text v = { value, 0 };
  char const *equal = memchr(word.s, '=', word.n);
  if (!equal) return "a word that is no KEY=VALUE";
  size_t key = (size_t)(equal - word.s), rest = word.n - key - 1;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (!is((struct text){ word.s, key }, fields[i].key)) continue;
    if (r->seen & 1U << i) return "a field that stands twice";
    r->seen |= 1U << i;
    if (rest > sizeof value || !codec_unescape(value, &v.n, equal + 1, rest)) return "a value with wrong escapes";
    return fields[i].read(r, v) ? 0 : "a value that can't be what it should be";
  }
  return 0;
}

static int lacks(struct reader const *r, unsigned needed)
{
  unsigned const all = (1U << needed) - 1;
  return (r->seen & all) != all;
}

/* Returns what is wrong, or null. */
static char const *lacking(struct reader *r, enum event event)
{
  if (event == EVENT_RECIPIENT) return lacks(r, NEEDED) ? "no client, sender, recipient or verdict" : 0;
  if (lacks(r, NEEDED_AT_MAIL) || !r->q->facts.login || !r->q->facts.wrong_sender) return "no client, sender or login";
  if (r->q->has_recipient || *r->logged->verdict) return "a field that belongs to a recipient";
  r->logged->verdict = "refused";
  return 0;
}

enum logged_status question_log(struct question *q, struct logged *l, char const *s, size_t n, char const **why)
{
  struct text line = { s, n };
  struct reader r = { .q = q, .logged = l };
  size_t length;
  question_init(q);
  q->apart = 1;
  *l = (struct logged){ "", "", "", "", "", "" };
  *why = 0;
  enum event event = find_event(&line, &length);
  if (event == EVENT_OTHER) return LOGGED_OTHER;
  if (length >= LOG_LINE - 1) *why = "a line that was cut";
  for (struct text word = next_word(&line); word.n && !*why; word = next_word(&line)) *why = read_field(&r, word);
  if (!*why) *why = lacking(&r, event);
  if (*why) return LOGGED_BAD;
  question_answers(q, &q->given);
  q->facts.login_may_relay = q->facts.login && !r.norelay;
  if (r.environment) q->environment = r.relayclient ? r.relayclient : "";
  return LOGGED_OK;
}
