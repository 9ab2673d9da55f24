/* A client's MAIL and RCPT without a message behind them. */
#include <stdio.h>
#include <string.h>
#include "smtp/client_send.h"
#include "smtp/client_verify.h"

enum step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_END };

/* One question under way. */
struct verify {
  struct client *c;
  char *text;
  enum client_verified verdict;
  unsigned kept : 1;      /* the connection had served a transaction before */
  unsigned answered : 1;  /* the server showed, other than by 421, that it saw this one */
  unsigned lost : 1;      /* the connection is of no more use */
  unsigned decided : 1;   /* the verdict is final */
  unsigned utf8 : 1;      /* MAIL says SMTPUTF8 */
  char path[LIMIT_ADDRESS + 3];
};

static void settle(struct verify *v, enum client_verified verdict, char const *a, char const *b, char const *c)
{
  if (v->decided) return;
  v->decided = 1;
  v->verdict = verdict;
  snprintf(v->text, CLIENT_VERIFY_TEXT, "%s%s%s", a, b, c);
}

static void lost(struct verify *v)
{
  v->lost = 1;
  settle(v, CLIENT_UNSURE, v->c->name, " ", client_trouble_text(v->c));
}

static void said(struct verify *v)
{
  settle(v, CLIENT_UNSURE, v->c->name, " said: ", v->c->reply.text);
}

static void put(struct verify *v, enum step step)
{
  struct client *c = v->c;
  switch (step) {
    case STEP_RSET:
      client_puts(c, "RSET\r\n");
      break;
    case STEP_MAIL:
      client_puts(c, v->utf8 ? "MAIL FROM:<> SMTPUTF8\r\n" : "MAIL FROM:<>\r\n");
      break;
    default:
      client_puts(c, "RCPT TO:<");
      client_puts(c, v->path);
      client_puts(c, ">\r\n");
  }
}

/* Is a 5xx about the recipient, and not about us, our sender, our command or the mailbox' size? The enhanced code says
 * it (RFC 3463: x.1.* addresses, of which 7 and 8 are the sender's; x.2.1 a mailbox that takes no mail); without one
 * the codes that RFC 5321 4.3.2 has for an address do. */
static int about_recipient(struct client_reply const *r)
{
  char const *at;
  size_t n = client_reply_enhanced(r, &at);
  if (!n) return r->code == 550 || r->code == 551 || r->code == 553;
  if (n == 5 && !memcmp(at + 1, ".2.1", 4)) return 1;
  return n >= 5 && !memcmp(at + 1, ".1.", 3) && !(n == 5 && (at[4] == '7' || at[4] == '8'));
}

/* Takes the reply in c->reply. */
static void got(struct verify *v, enum step step)
{
  struct client *c = v->c;
  int class = c->reply.code / 100;
  if (c->reply.code == 421) {
    v->lost = 1;
    said(v);
    return;
  }
  if (step == STEP_RSET) {
    if (class != 2) { /* a server that can't even forget: connect anew */
      v->lost = 1;
      said(v);
    }
    return;
  }
  v->answered = 1;
  if (step == STEP_MAIL && class != 2) said(v);
  if (step != STEP_RCPT) return;
  if (class == 2) settle(v, CLIENT_TAKES, c->reply.text, "", "");
  else if (class == 5 && about_recipient(&c->reply)) settle(v, CLIENT_REFUSES, c->reply.text, "", "");
  else said(v);
}

/* Reads the replies to the commands from `from` up to but not with `to`. */
static void get(struct verify *v, enum step from, enum step to, int sent)
{
  for (; from < to && !v->lost; from++) {
    int code = sent ? client_read(v->c, CLIENT_TIME_COMMAND) : client_last_words(v->c);
    if (code >= 0) got(v, from);
    else {
      if (v->c->trouble != CLIENT_LOST) v->answered = 1; /* silence and garbage are answers of a kind */
      lost(v);
    }
  }
  if (!sent && !v->lost) lost(v);
}

static void talk(struct verify *v, enum step step)
{
  unsigned window = v->c->offers & CLIENT_PIPELINING ? STEP_END : 1;
  while (step < STEP_END && !v->lost && !v->decided) {
    enum step first = step;
    while (step < STEP_END && step - first < window) put(v, step++);
    get(v, first, step, client_flush(v->c, CLIENT_TIME_COMMAND) == 0);
  }
}

static int eight(char const *s)
{
  for (; *s; s++) if ((unsigned char)*s >= 0x80) return 1;
  return 0;
}

enum client_verified client_verify(struct client *c, char const *address, char text[CLIENT_VERIFY_TEXT])
{
  struct verify v = { .c = c, .text = text, .kept = c->used };
  if (c->used && !client_alive(c)) return client_close(c), CLIENT_GONE;
  if (c->in_at < c->in_len) { /* more replies than commands: what follows could not be told apart */
    settle(&v, CLIENT_UNSURE, c->name, " sent a reply to nothing (#4.5.0)", "");
    return client_close(c), v.verdict;
  }
  switch (client_path(v.path, address, (c->offers & CLIENT_SMTPUTF8) != 0)) {
    case CLIENT_PATH_BAD: return settle(&v, CLIENT_REFUSES, "the address can't be sent: syntax error (#5.1.3)", "", ""),
      v.verdict;
    case CLIENT_PATH_UTF8: return settle(&v, CLIENT_REFUSES, c->name,
      " does not take addresses that are not ASCII (#5.6.7)", ""), v.verdict;
    default: break;
  }
  v.utf8 = (c->offers & CLIENT_SMTPUTF8) && eight(v.path);
  enum step first = c->dirty ? STEP_RSET : STEP_MAIL;
  c->used = c->dirty = 1;
  talk(&v, first);
  if (v.lost) client_close(c);
  return v.kept && v.lost && !v.answered ? CLIENT_GONE : v.verdict;
}
