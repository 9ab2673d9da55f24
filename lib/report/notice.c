/* The records that tell relay-bounce what became of a message. */
#include <stdlib.h>
#include <string.h>
#include "parse/number.h"
#include "queue/store.h"
#include "report/notice.h"

int notice_put(stralloc *sa, char letter, char const *text)
{
  return stralloc_catb(sa, &letter, 1) && stralloc_catb(sa, text, strlen(text) + 1);
}

int notice_put_number(stralloc *sa, char letter, uint64_t number)
{
  char text[NUMBER_TEXT];
  text[number_fmt(text, number)] = 0;
  return notice_put(sa, letter, text);
}

int notice_put_kind(stralloc *sa, enum notice_kind kind, char const *text)
{
  char letter = (char)kind;
  return stralloc_catb(sa, "K", 1) && stralloc_catb(sa, &letter, 1) && stralloc_catb(sa, text, strlen(text) + 1);
}

struct cursor { char const *s, *end; };

/* The next record's text, if it has this letter; else null. */
static char const *take(struct cursor *c, char letter)
{
  char const *s = c->s;
  if (s >= c->end || *s != letter) return 0;
  c->s += strlen(s) + 1;
  return s + 1;
}

static int take_number(struct cursor *c, char letter, uint64_t most, uint64_t *out)
{
  char const *s = take(c, letter);
  return s && number_scan(s, strlen(s), most, out) == NUMBER_OK;
}

static int take_time(struct cursor *c, char letter, int64_t *out)
{
  uint64_t v;
  if (!take_number(c, letter, INT64_MAX / 2, &v)) return 0;
  *out = (int64_t)v;
  return 1;
}

static int take_recipient(struct cursor *c, struct notice_recipient *r)
{
  char const *parameters, *outcome;
  if (!(r->address = take(c, 'T'))) return 0;
  parameters = take(c, 'P');
  dsn_rcpt_scan(&r->dsn, parameters ? parameters : "");
  if (!take_time(c, 'W', &r->when) || !(outcome = take(c, 'K'))) return 0;
  if (!*outcome || !strchr(NOTICE_KINDS, *outcome)) return 0;
  r->kind = (enum notice_kind)*outcome;
  r->text = outcome + 1;
  return 1;
}

static int take_head(struct cursor *c, struct notice *n)
{
  uint64_t flags = 0;
  char const *parameters;
  int ok = (n->me = take(c, 'M')) && (n->id = take(c, 'I')) && store_id_valid(n->id, strlen(n->id))
    && take_time(c, 'A', &n->arrival) && take_number(c, 'B', INT64_MAX, &n->body)
    && take_number(c, 'L', UINT32_MAX, &flags) && take_time(c, 'U', &n->until) && (n->sender = take(c, 'F'));
  if (!ok) return 0;
  n->flags = (unsigned)flags;
  parameters = take(c, 'P');
  dsn_mail_scan(&n->mail, parameters ? parameters : "");
  return *n->sender && strcmp(n->sender, "#@[]"); /* qmail's other null sender */
}

int notice_scan(struct notice *n, char const *s, size_t len)
{
  struct cursor c = { s, s + len };
  size_t most = 0;
  *n = (struct notice){ .me = 0 };
  if (!len || s[len - 1] || !take_head(&c, n)) return 0;
  for (char const *p = c.s; p < c.end; p += strlen(p) + 1) most += *p == 'T';
  if (!most || !(n->recipient = malloc(most * sizeof *n->recipient))) return most ? -1 : 0;
  while (c.s < c.end) {
    if (n->n < most && take_recipient(&c, n->recipient + n->n)) {
      n->n++;
      continue;
    }
    notice_free(n);
    return 0;
  }
  return 1;
}

void notice_free(struct notice *n)
{
  free(n->recipient);
  n->recipient = 0;
  n->n = 0;
}
