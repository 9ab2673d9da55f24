/* What came of a replay, for people and for programs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "codec/escape.h"
#include "diff/replay.h"
#include "json/json.h"
#include "parse/number.h"

static int by_times(void const *x, void const *y)
{
  struct replay_change const *a = x, *b = y;
  if (a->times != b->times) return a->times > b->times ? -1 : 1;
  return a->at < b->at ? -1 : a->at > b->at;
}

/* The most frequent first. Nothing can be counted afterwards. */
static size_t sort(struct replay *r)
{
  size_t n = genalloc_len(struct replay_change, &r->changes);
  if (n) qsort(genalloc_s(struct replay_change, &r->changes), n, sizeof(struct replay_change), by_times);
  genalloc_free(uint32_t, &r->slots);
  return n;
}

static int put(stralloc *out, char const *s)
{
  return stralloc_cats(out, s);
}

static int put_number(stralloc *out, uint64_t n)
{
  char text[NUMBER_TEXT];
  return stralloc_catb(out, text, number_fmt(text, n));
}

static int put_field(stralloc *out, struct replay const *r, struct replay_change const *c, char const *before,
                     enum replay_field which, char const *behind)
{
  char const *s = replay_field(r, c, which);
  size_t n = strlen(s);
  if (!put(out, before) || !stralloc_readyplus(out, CODEC_ESCAPED(n))) return 0;
  if (which >= REPLAY_THEN) stralloc_catb(out, s, n); /* our own words */
  else out->len += codec_escape(out->s + out->len, s, n);
  return put(out, behind);
}

static int put_change(stralloc *out, struct replay const *r, struct replay_change const *c)
{
  int login = *replay_field(r, c, REPLAY_LOGIN) != 0;
  char const *times = c->times == 1 ? " time: client " : " times: client ";
  if (!put_number(out, c->times) || !put_field(out, r, c, times, REPLAY_CLIENT, "")) return 0;
  if (login && !put_field(out, r, c, " login ", REPLAY_LOGIN, "")) return 0;
  return put_field(out, r, c, " from <", REPLAY_SENDER, ">") &&
    put_field(out, r, c, " to <", REPLAY_RECIPIENT, ">\n") &&
    put_field(out, r, c, "    then: ", REPLAY_THEN, "\n") && put_field(out, r, c, "    now:  ", REPLAY_NOW, "\n");
}

/* "N words", unless it is about nothing that has happened. */
static int put_count(stralloc *out, uint64_t n, char const *words, int always)
{
  return (!n && !always) || (put_number(out, n) && put(out, words) && put(out, "\n"));
}

int replay_text(stralloc *out, struct replay *r, unsigned most)
{
  size_t n = sort(r);
  int ok = 1;
  for (size_t i = 0; i < n && ok && (!most || i < most); i++)
    ok = put_change(out, r, genalloc_s(struct replay_change, &r->changes) + i);
  if (most && n > most) ok = ok && put(out, "and ") && put_number(out, n - most) && put(out, " more changes\n");
  ok = ok && put_count(out, r->recipients, " recipients in the log", 1) &&
    put_count(out, r->changed, " would change", 1) &&
    put_count(out, r->reason, " would have the same verdict for another reason or by another line", 0) &&
    put_count(out, r->same, " would stay as they are", 1) &&
    put_count(out, r->open, " can't be decided: the network would have to be asked, and the line has no answer", 0) &&
    put_count(out, r->bad, " can't be read", 0) &&
    put_count(out, r->unlike, " of the decided ones were logged otherwise than the old rules decide", 0);
  return ok ? 0 : (errno = ENOMEM, -1);
}

int replay_json(stralloc *out, struct replay *r)
{
  static char const *const keys[] = { "client", "login", "sender", "recipient", "then", "now" };
  struct { char const *key; uint64_t n; } const counts[] = {
    { "recipients", r->recipients }, { "changed", r->changed }, { "reason", r->reason }, { "same", r->same },
    { "open", r->open }, { "bad", r->bad }, { "unlike", r->unlike } };
  struct json j = JSON_START(out);
  size_t n = sort(r);
  json_object(&j);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    json_key(&j, counts[i].key), json_number(&j, (int64_t)counts[i].n);
  json_key(&j, "changes"), json_array(&j);
  for (size_t i = 0; i < n; i++) {
    struct replay_change const *c = genalloc_s(struct replay_change, &r->changes) + i;
    json_object(&j);
    json_key(&j, "times"), json_number(&j, (int64_t)c->times);
    for (int k = REPLAY_CLIENT; k <= REPLAY_NOW; k++)
      json_key(&j, keys[k]), json_str(&j, replay_field(r, c, (enum replay_field)k));
    json_end(&j);
  }
  json_end(&j);
  json_end(&j);
  return j.failed ? (errno = ENOMEM, -1) : 0;
}
