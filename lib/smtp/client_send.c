/* One message to some recipients over a client's connection. */
#include <stdio.h>
#include <string.h>
#include "base/io.h"
#include "smtp/client_transaction.h"

void client_refuse(struct client_report *report, unsigned n, char kind, char const *a, char const *b)
{
  for (unsigned i = 0; i < n; i++) client_report_add(report, kind == 'D' ? 'h' : 's', a, b, 0);
  client_report_add(report, kind, a, b, 0);
}

static int eight(char const *s)
{
  for (; *s; s++) if ((unsigned char)*s >= 0x80) return 1;
  return 0;
}

/* Must MAIL say SMTPUTF8? When the message came with it, or an address needs it (RFC 6531 3.4). */
static int needs_utf8(struct client_message const *m)
{
  if (m->utf8 || eight(m->sender)) return 1;
  char const *s = m->recipients;
  for (unsigned i = 0; i < m->n; i++, s += strlen(s) + 1) if (eight(s)) return 1;
  return 0;
}

/* What can be refused without a word to the server. Returns 1 if it was. */
static int refused(struct transaction *t)
{
  struct client *c = t->c;
  struct client_body const *b = t->m->body;
  char text[96];
  char const *name = c->name, *why = 0;
  enum client_path sender = CLIENT_PATH_OK;
  if (!*t->m->sender || !strcmp(t->m->sender, "#@[]")) *t->sender = 0;
  else sender = client_path(t->sender, t->m->sender, (c->offers & CLIENT_SMTPUTF8) != 0);
  if (b->measure.bad) name = "", why = CLIENT_BAD_TEXT;
  else if (sender == CLIENT_PATH_BAD) name = "", why = "the sender's address can't be sent: syntax error (#5.1.7)";
  else if (sender == CLIENT_PATH_UTF8 || (t->m->utf8 && !(c->offers & CLIENT_SMTPUTF8))) {
    why = " does not take internationalised mail (#5.6.7)";
  }
  else if ((c->offers & CLIENT_SIZE) && c->size && b->measured && b->measure.bytes > c->size) {
    snprintf(text, sizeof text, " takes %llu bytes at most, the message has %llu (#5.3.4)",
      (unsigned long long)c->size, b->measure.bytes);
    why = text;
  }
  if (why) client_refuse(t->report, t->m->n, 'D', name, why);
  return why != 0;
}

/* The envelope alone decided: MAIL or all recipients were refused. The server may wait for a text nevertheless: it
 * gets an empty one, which goes to nobody (RFC 2920 3.1). */
static void lone_dot(struct transaction *t)
{
  struct client *c = t->c;
  c->dirty = 1;
  if (t->lost || t->how != TEXT_DATA || t->text != 354) return;
  if (c->lmtp) { /* RFC 2033 4.2 forbids that: how many answers a dot would get is anybody's guess */
    client_close(c);
    return;
  }
  client_puts(c, ".\r\n");
  if (client_flush(c, CLIENT_TIME_COMMAND) < 0 || client_read(c, CLIENT_TIME_DOT) < 0) transaction_lost(t);
}

static void mail_refused(struct transaction *t)
{
  char text[CLIENT_REPLY_TEXT + 8];
  snprintf(text, sizeof text, " said: %s", t->mail_text);
  client_refuse(t->report, t->m->n, client_for_good(t->c, t->mail) ? 'D' : 'Z', t->c->name, text);
  lone_dot(t);
}

static void none_accepted(struct transaction *t)
{
  char kind = t->refused == t->m->n ? 'D' : 'Z';
  client_report_add(t->report, kind, t->c->name, kind == 'D' ? " refused all recipients" : " took no recipient", 0);
  lone_dot(t);
}

/* All or none was asked for, and some were refused: the text is not sent. */
static void some_refused(struct transaction *t)
{
  client_report_add(t->report, t->refused ? 'D' : 'Z', t->c->name, " did not take all recipients: nothing was sent", 0);
  t->c->dirty = 1;
}

/* The connection was lost before the recipients' verdicts were complete. */
static void cut_short(struct transaction *t)
{
  while (t->mail / 100 == 2 && t->get_n < t->m->n) {
    client_report_add(t->report, 's', t->c->name, " ", t->why);
    t->get_n++;
  }
  transaction_verdict(t, -1);
}

static void send_text(struct transaction *t)
{
  struct client *c = t->c;
  if (t->how == TEXT_CHUNKS) transaction_chunks(t);
  else if (t->how == TEXT_SMALL) transaction_verdict(t, t->text);
  else if (t->text == 354) transaction_data(t);
  else {
    transaction_verdict(t, t->text / 100 >= 4 ? t->text : 451); /* 250 for DATA: not what was agreed */
    c->dirty = 1;
  }
}

static void run(struct transaction *t)
{
  transaction_envelope(t);
  if (t->kept && t->lost && !t->answered) return;
  if (t->mail && t->mail / 100 != 2 && t->mail != 421) mail_refused(t);
  else if (t->lost && !t->text) cut_short(t);
  else if (t->m->all && t->accepted < t->m->n) some_refused(t);
  else if (!t->accepted) none_accepted(t);
  else send_text(t);
}

enum client_sent client_send(struct client *c, struct client_message const *m, struct client_report *report)
{
  struct transaction t = { .c = c, .m = m, .report = report, .fates = STRALLOC_ZERO };
  struct client_body const *b = m->body;
  c->deadline = io_now() + CLIENT_TIME_TOTAL * 1000;
  if (c->used && !client_alive(c)) return client_close(c), CLIENT_DEAD;
  if (c->in_at < c->in_len) { /* more replies than commands: what follows could not be told apart */
    client_report_add(report, 'Z', c->name, " sent a reply to nothing (#4.5.0)", 0);
    return client_close(c), CLIENT_SENT;
  }
  if (refused(&t)) return CLIENT_SENT;
  t.kept = c->used;
  t.smtputf8 = (c->offers & CLIENT_SMTPUTF8) && needs_utf8(m);
  /* LMTP: a BDAT that is refused may get one answer or one for each recipient; DATA's 354 leaves no doubt */
  if (c->lmtp || !(c->offers & CLIENT_CHUNKING)) t.how = TEXT_DATA;
  else t.how = b->whole ? TEXT_SMALL : TEXT_CHUNKS;
  t.putting = t.getting = c->dirty ? STEP_RSET : STEP_MAIL;
  t.put_at = m->recipients;
  t.put_dsn = c->offers & CLIENT_DSN ? m->dsn_each : 0;
  report->dsn = (c->offers & CLIENT_DSN) != 0;
  c->used = 1;
  c->dirty = 0;
  run(&t);
  /* A message of which all was sent and no reply seen is tried again as well: to report a temporary failure would do
   * the same, later. */
  stralloc_free(&t.fates);
  if (t.failed) report->failed = 1;
  if (t.lost || t.failed) client_close(c);
  if (!t.kept || !t.lost || t.answered) return CLIENT_SENT;
  client_report_clear(report);
  return CLIENT_DEAD;
}
