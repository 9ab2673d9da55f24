/* A client's transaction: the envelope. Commands are put while the window has room, then all replies are read; both
 * walk through the same steps, RSET (when needed), MAIL, RCPT ..., DATA or BDAT. */
#include <stdio.h>
#include <string.h>
#include "parse/dsn.h"
#include "smtp/client_transaction.h"

#define COMMAND_ROOM (LIMIT_ADDRESS + DSN_TEXT + 128)

void transaction_lost(struct transaction *t)
{
  t->lost = 1;
  t->said = 0;
  strcpy(t->why, client_trouble_text(t->c));
}

void transaction_said(struct transaction *t)
{
  t->lost = t->said = 1;
  memcpy(t->why, "said: ", 6);
  memcpy(t->why + 6, t->c->reply.text, t->c->reply.text_len + 1);
}

/* Parameters about notifications (RFC 3461 5.2.1). */
static void put_dsn(struct client *c, char const *s)
{
  if (!s || !*s) return;
  client_puts(c, " ");
  client_puts(c, s);
}

static void put_mail(struct transaction *t)
{
  struct client *c = t->c;
  struct client_body const *b = t->m->body;
  char size[32];
  client_puts(c, "MAIL FROM:<");
  client_puts(c, t->sender);
  client_puts(c, ">");
  if ((c->offers & CLIENT_SIZE) && b->measured) {
    snprintf(size, sizeof size, " SIZE=%llu", b->measure.bytes);
    client_puts(c, size);
  }
  /* what can't be looked through beforehand may hold anything (RFC 6152 3) */
  if ((c->offers & CLIENT_8BITMIME) && (b->measure.eight || !b->measured)) client_puts(c, " BODY=8BITMIME");
  if (t->smtputf8) client_puts(c, " SMTPUTF8");
  if (c->offers & CLIENT_DSN) put_dsn(c, t->m->dsn);
  client_puts(c, "\r\n");
}

/* Puts the next recipient that can be put. Returns 1, or 0 when there are no more. */
static int put_rcpt(struct transaction *t)
{
  char path[LIMIT_ADDRESS + 3];
  while (t->put_n < t->m->n) {
    enum client_path fate = client_path(path, t->put_at, t->smtputf8);
    t->put_at += strlen(t->put_at) + 1;
    t->put_n++;
    char const *dsn = t->put_dsn;
    if (dsn) t->put_dsn += strlen(dsn) + 1;
    if (!stralloc_append(&t->fates, (char)fate)) t->failed = 1;
    if (fate != CLIENT_PATH_OK) continue;
    client_puts(t->c, "RCPT TO:<");
    client_puts(t->c, path);
    client_puts(t->c, ">");
    put_dsn(t->c, dsn);
    client_puts(t->c, "\r\n");
    t->offered++;
    return 1;
  }
  return 0;
}

/* DATA or BDAT: along with the recipients when the server takes pipelines, else when one of them was accepted; when it
 * is to be all or none, when all were. */
static int put_text(struct transaction *t)
{
  if (t->how == TEXT_CHUNKS || !t->offered) return 0;
  if (!(t->c->offers & CLIENT_PIPELINING) && !t->accepted) return 0;
  if (t->m->all && t->accepted < t->m->n) return 0;
  if (t->how == TEXT_SMALL) transaction_put_small(t);
  else client_puts(t->c, "DATA\r\n");
  return 1;
}

/* Puts one command. Returns 1, or 0 when there is none that may go now. */
static int put_next(struct transaction *t)
{
  if (client_room(t->c) < COMMAND_ROOM && client_flush(t->c, CLIENT_TIME_COMMAND) < 0) return 0;
  switch (t->putting) {
    case STEP_RSET:
      client_puts(t->c, "RSET\r\n");
      t->putting = STEP_MAIL;
      return 1;
    case STEP_MAIL:
      put_mail(t);
      t->putting = STEP_RCPT;
      return 1;
    case STEP_RCPT:
      if (put_rcpt(t)) return 1;
      t->putting = STEP_TEXT;
      /* fall through */
    case STEP_TEXT:
      if (t->outstanding && (t->m->all || !(t->c->offers & CLIENT_PIPELINING))) return 0;
      t->putting = STEP_END;
      return put_text(t);
    default:
      return 0;
  }
}

/* RFC 5321 4.5.3.1.10: 552 for one recipient too many is temporary. A full mailbox (5.2.2) or the like is not. */
static int too_many(struct transaction const *t)
{
  char const *e;
  if (t->c->reply.code != 552 || !t->accepted) return 0;
  return !client_reply_enhanced(&t->c->reply, &e) || memcmp(e, "5.2.", 4);
}

/* Lines for the recipients that were refused here, up to the next one that has a reply. */
static void refused_here(struct transaction *t)
{
  while (t->get_n < t->put_n && t->fates.s[t->get_n] != CLIENT_PATH_OK) {
    if (t->fates.s[t->get_n] == CLIENT_PATH_BAD) {
      client_report_add(t->report, 'h', "the recipient's address can't be sent: syntax error (#5.1.3)", 0, 0);
    }
    else client_report_add(t->report, 'h', t->c->name, " does not take addresses that are not ASCII (#5.6.7)", 0);
    t->refused++;
    t->get_n++;
  }
}

static void got_rcpt(struct transaction *t)
{
  refused_here(t);
  int code = t->c->reply.code;
  char kind = code / 100 == 2 ? 'r' : client_for_good(t->c, code) && !too_many(t) ? 'h' : 's';
  client_report_add(t->report, kind, t->c->name, " said: ", t->c->reply.text);
  t->accepted += kind == 'r';
  t->refused += kind == 'h';
  t->get_n++;
}

/* Takes the reply in c->reply. */
static void got(struct transaction *t)
{
  int code = t->c->reply.code;
  t->outstanding--;
  if (code != 421 && t->getting != STEP_RSET) t->answered = 1;
  switch (t->getting) {
    case STEP_RSET:
      t->getting = STEP_MAIL;
      if (code / 100 != 2) transaction_said(t); /* a server that can't even forget: connect anew */
      return;
    case STEP_MAIL:
      t->mail = code;
      memcpy(t->mail_text, t->c->reply.text, t->c->reply.text_len + 1);
      t->getting = STEP_RCPT;
      break;
    case STEP_RCPT:
      if (t->mail / 100 == 2) got_rcpt(t);
      else t->get_n++;
      break;
    default:
      t->text = code;
  }
  if (code == 421) transaction_said(t);
}

/* Which reply comes next: the recipients' end shows in the fates. */
static void expect(struct transaction *t)
{
  if (t->getting != STEP_RCPT) return;
  if (t->mail / 100 == 2) refused_here(t);
  else while (t->get_n < t->put_n && t->fates.s[t->get_n] != CLIENT_PATH_OK) t->get_n++;
  if (t->get_n == t->m->n) t->getting = STEP_TEXT;
}

static unsigned patience(struct transaction const *t)
{
  if (t->getting != STEP_TEXT) return CLIENT_TIME_COMMAND;
  return t->how == TEXT_SMALL ? CLIENT_TIME_DOT : CLIENT_TIME_DATA;
}

void transaction_envelope(struct transaction *t)
{
  unsigned window = t->c->offers & CLIENT_PIPELINING ? CLIENT_WINDOW : 1;
  while (!t->lost && !t->failed) {
    while (t->outstanding < window && put_next(t)) t->outstanding++;
    if (!t->outstanding) break;
    int sent = client_flush(t->c, CLIENT_TIME_BLOCK) == 0;
    while (t->outstanding && !t->lost) {
      expect(t);
      int code = sent ? client_read(t->c, patience(t)) : client_last_words(t->c);
      if (code >= 0) got(t);
      else {
        /* silence and garbage are answers of a kind: only a connection that was closed may be tried anew */
        if (t->c->trouble != CLIENT_LOST) t->answered = 1;
        transaction_lost(t);
      }
    }
    if (!sent && !t->lost) transaction_lost(t);
    if (t->mail && t->mail / 100 != 2) break;
  }
  expect(t);
}
