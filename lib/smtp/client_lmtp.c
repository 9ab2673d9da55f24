/* A client's transaction: LMTP's answers behind the text, one for each recipient that was accepted, in their order
 * (RFC 2033 4.2). */
#include <stdio.h>
#include <string.h>
#include "smtp/client_transaction.h"

/* How many recipients have which letter. */
struct count { unsigned r, h, s; };

/* One more line. */
static void line(struct client_report *out, struct count *n, char kind, char const *a, char const *b, char const *c)
{
  client_report_add(out, kind, a, b, c);
  n->r += kind == 'r';
  n->h += kind == 'h';
  n->s += kind == 's';
}

/* The answer for one recipient that was accepted. */
static void answer(struct transaction *t, struct client_report *out, struct count *n)
{
  char text[sizeof t->why + 80];
  unsigned was_lost = t->lost;
  int code = t->lost ? -1 : client_read(t->c, CLIENT_TIME_DOT);
  if (code == 421) transaction_said(t);
  else if (code < 0 && !t->lost) transaction_lost(t);
  if (!t->lost) {
    char kind = code / 100 == 2 ? 'r' : client_for_good(t->c, code) ? 'h' : 's';
    line(out, n, kind, t->c->name, " said: ", t->c->reply.text);
    return;
  }
  /* whoever gets 421 for an answer has not got the message; of those behind him nobody knows */
  char const *twice = t->said && !was_lost ? "" : " after the whole message was sent; it may arrive twice";
  snprintf(text, sizeof text, " %s%s", t->why, twice);
  line(out, n, 's', t->c->name, text, 0);
}

/* What holds for the message as a whole. With more than one delivered the text is empty: each line has its own. */
static void verdict(struct transaction *t, struct count const *n, char const *text)
{
  char const *name = t->c->name;
  char kind = n->h == t->m->n || (t->m->all && n->h) ? 'D' : 'Z';
  if (n->r == t->m->n || (n->r && !t->m->all)) client_report_add(t->report, 'K', n->r == 1 ? text : "", 0, 0);
  else if (n->r) client_report_add(t->report, kind, name, " delivered to some recipients, and not to others", 0);
  else if (t->lost) transaction_verdict(t, -1);
  else client_report_add(t->report, kind, name, kind == 'D' ? " refused all recipients" : " took no recipient", 0);
}

void transaction_each(struct transaction *t)
{
  struct client_report out = CLIENT_REPORT_ZERO;
  struct count n = { 0, 0, 0 };
  size_t delivered = 0;
  for (size_t at = 0, next; at < t->report->sa.len; at = next) {
    char const *s = t->report->sa.s + at;
    unsigned before = n.r;
    size_t start = out.sa.len;
    next = at + strlen(s) + 1;
    if (*s == 'r') answer(t, &out, &n);
    else line(&out, &n, *s, s + 1, 0, 0);
    if (n.r > before) delivered = start;
  }
  out.dsn = t->report->dsn;
  out.failed |= t->report->failed;
  struct client_report old = *t->report;
  *t->report = out;
  if (!out.failed) {
    char text[2 * CLIENT_REPLY_TEXT];
    snprintf(text, sizeof text, "%s", n.r ? out.sa.s + delivered + 1 : "");
    verdict(t, &n, text);
  }
  client_report_free(&old);
}
