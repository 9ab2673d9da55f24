/* Lines of the log, decided anew. Of a large log few lines change, and the same ones often: they are counted. */
#include <errno.h>
#include <string.h>
#include "diff/replay.h"
#include "facts/facts.h"
#include "parse/number.h"

#define WORDS 400 /* bytes of a decision in words */

static char const *verdict_of(struct outcome const *o)
{
  static char const *const words[] = { "accepted", "refused", "deferred" };
  return words[o->decision.verdict <= VERDICT_TEMPFAIL ? o->decision.verdict : VERDICT_TEMPFAIL];
}

static char const *reason_of(struct outcome const *o)
{
  switch (o->stage) {
    case STAGE_GATE: return "gate";
    case STAGE_NOWHERE: return "no-address";
    default: return o->decision.reason < REASON_COUNT ? reason_word(o->decision.reason) : "syntax";
  }
}

/* "relay:2" or "". */
static void place(char out[WORDS / 4], struct record const *r)
{
  if (r->line) snprintf(out, WORDS / 4, "%s:%u", r->file, (unsigned)r->line);
  else out[0] = 0;
}

/* "accepted client (relay:2, clients:5)". */
static void say(char out[WORDS], char const *verdict, char const *reason, char const *rule, char const *gate)
{
  int both = *rule && *gate, any = *rule || *gate;
  snprintf(out, WORDS, "%s %s%s%s%s%s%s", verdict, reason, any ? " (" : "", rule, both ? ", " : "", gate,
           any ? ")" : "");
}

/* The gate's rule says more where it trusts the client. */
static void say_outcome(char out[WORDS], struct outcome const *o)
{
  char rule[WORDS / 4], gate[WORDS / 4] = "";
  place(rule, &o->decision.record);
  if (o->stage >= STAGE_GIVEN && o->decision.reason == REASON_CLIENT) place(gate, &o->gate);
  say(out, verdict_of(o), reason_of(o), rule, gate);
}

static void say_logged(char out[WORDS], struct logged const *l)
{
  int client = !strcmp(l->reason, reason_word(REASON_CLIENT)) && strcmp(l->trusted, "environment");
  say(out, strcmp(l->verdict, "unqueued") ? l->verdict : "accepted", l->reason, l->rule, client ? l->trusted : "");
}

/* Was it taken, and if so for us (2) or to be relayed (1)? */
static int kind_of_outcome(struct outcome const *o)
{
  if (o->decision.verdict != VERDICT_ACCEPT) return o->decision.verdict == VERDICT_REFUSE ? 0 : 3;
  return reason_incoming(o->given.reason) && reason_incoming(o->decision.reason) ? 2 : 1;
}

static int kind_of_logged(struct logged const *l)
{
  if (!strcmp(l->verdict, "refused")) return 0;
  if (!strcmp(l->verdict, "deferred")) return 3;
  for (int r = 0; r < REASON_COUNT; r++)
    if (reason_incoming(r) && !strcmp(l->reason, reason_word((enum reason)r))) return 2;
  return 1;
}

static uint32_t hash_of(char const *s, size_t n)
{
  uint32_t h = 2166136261U;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 16777619U;
  return h ^ h >> 15;
}

static int grow(struct replay *r)
{
  size_t n = genalloc_len(uint32_t, &r->slots), size = n ? 2 * n : 64;
  r->slots.len = 0;
  if (!genalloc_ready(uint32_t, &r->slots, size)) return errno = ENOMEM, -1;
  uint32_t *s = genalloc_s(uint32_t, &r->slots);
  memset(s, 0, size * sizeof *s);
  genalloc_setlen(uint32_t, &r->slots, size);
  for (size_t i = 0; i < genalloc_len(struct replay_change, &r->changes); i++) {
    size_t at = genalloc_s(struct replay_change, &r->changes)[i].hash & (size - 1);
    while (s[at]) at = (at + 1) & (size - 1);
    s[at] = (uint32_t)i + 1;
  }
  return 0;
}

/* Counts the change whose fields stand at the end of text from `at` on; they go if they stood there already. */
static int count(struct replay *r, size_t at)
{
  struct replay_change c = { at, r->text.len - at, hash_of(r->text.s + at, r->text.len - at), 1 };
  size_t have = genalloc_len(struct replay_change, &r->changes);
  if (2 * have >= genalloc_len(uint32_t, &r->slots) && grow(r) < 0) return -1;
  uint32_t *s = genalloc_s(uint32_t, &r->slots);
  size_t mask = genalloc_len(uint32_t, &r->slots) - 1, i = c.hash & mask;
  for (; s[i]; i = (i + 1) & mask) {
    struct replay_change *o = genalloc_s(struct replay_change, &r->changes) + s[i] - 1;
    if (o->len != c.len || memcmp(r->text.s + o->at, r->text.s + at, c.len)) continue;
    o->times++;
    r->text.len = at;
    return 0;
  }
  if (!genalloc_append(struct replay_change, &r->changes, &c)) return errno = ENOMEM, -1;
  s[i] = (uint32_t)have + 1;
  return 0;
}

static int add(struct replay *r, char const *s, size_t n)
{
  return stralloc_catb(&r->text, s, n) && stralloc_0(&r->text);
}

static int add_change(struct replay *r, struct question const *q, char const *then, char const *now)
{
  char ip[IP_TEXT] = "unknown";
  size_t at = r->text.len;
  if (q->facts.client.len) ip_fmt(ip, &q->facts.client);
  char const *login = q->facts.login ? q->facts.login : "";
  if (add(r, ip, strlen(ip)) && add(r, login, strlen(login)) && add(r, q->sender.text, q->sender.len) &&
      add(r, q->recipient.text, q->recipient.len) && add(r, then, strlen(then)) && add(r, now, strlen(now)))
    return count(r, at);
  return errno = ENOMEM, -1;
}

int replay_line(struct replay *r, char const *s, size_t n)
{
  static struct question q;
  struct logged l;
  struct outcome old, new;
  char const *why;
  char then[WORDS], now[WORDS], logged[WORDS];
  enum logged_status status = question_log(&q, &l, s, n, &why);
  if (status == LOGGED_OTHER || (status == LOGGED_OK && !q.has_recipient)) return 0;
  r->recipients++;
  if (status == LOGGED_BAD) return r->bad++, 0;
  if (r->old) question_decide(&old, &q, r->old);
  if (r->old && old.decision.verdict > VERDICT_TEMPFAIL) return r->open++, 0;
  say_logged(logged, &l);
  if (r->old) say_outcome(then, &old);
  else memcpy(then, logged, sizeof then);
  int before = r->old ? kind_of_outcome(&old) : kind_of_logged(&l);
  question_decide(&new, &q, r->new);
  if (new.decision.verdict > VERDICT_TEMPFAIL) return r->open++, 0;
  say_outcome(now, &new);
  if (r->old && strcmp(then, logged)) r->unlike++;
  if (before == kind_of_outcome(&new)) return strcmp(then, now) ? r->reason++ : r->same++, 0;
  r->changed++;
  return add_change(r, &q, then, now);
}

int replay_file(struct replay *r, FILE *f)
{
  static char line[REPLAY_LINE];
  size_t n = 0;
  for (int c; (c = getc_unlocked(f)) != EOF || n; ) {
    if (c != '\n' && c != EOF) {
      if (n < sizeof line) line[n] = (char)c;
      n++;
      continue;
    }
    if (replay_line(r, line, n < sizeof line ? n : sizeof line) < 0) return -1;
    n = 0;
  }
  return ferror(f) ? -1 : 0;
}

char const *replay_field(struct replay const *r, struct replay_change const *c, enum replay_field which)
{
  char const *s = r->text.s + c->at;
  for (int i = 0; i < (int)which; i++) s += strlen(s) + 1;
  return s;
}

void replay_free(struct replay *r)
{
  stralloc_free(&r->text);
  genalloc_free(struct replay_change, &r->changes);
  genalloc_free(uint32_t, &r->slots);
}
