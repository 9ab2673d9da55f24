/* One message to some recipients over a client's connection, with the round trips that the server's offers allow:
 *
 *   neither offer          one command at a time
 *   PIPELINING             MAIL, RCPT ..., DATA in one write; then the text and the dot in one write (RFC 2920)
 *   and CHUNKING (SMTP)    a small message: MAIL, RCPT ..., BDAT LAST and the text in one write (RFC 3030);
 *                          a large one: chunks, a few of them on their way at a time
 *
 * With c->lmtp each recipient that was accepted has a verdict of its own behind the text (RFC 2033 4.2), which its line
 * in the report then says.
 */
#ifndef SMTP_CLIENT_SEND_H
#define SMTP_CLIENT_SEND_H

#include <stddef.h>
#include "base/limits.h"
#include "smtp/client_body.h"
#include "smtp/client_report.h"
#include "smtp/client_session.h"

#define CLIENT_WINDOW 200  /* commands on their way at most: their replies fit into any socket buffer (RFC 2920 3.1) */
#define CLIENT_CHUNKS 4    /* BDATs on their way at most */

#define CLIENT_BAD_TEXT "the message holds a NUL or a bare CR and can't be sent (#5.6.0)"

struct client_message {
  char const *sender;        /* "" or qmail's "#@[]": the null sender. Any byte but NUL */
  char const *recipients;    /* n of them, NUL-terminated, one behind the other. Any byte but NUL */
  unsigned n;                /* at least 1 */
  char const *dsn;           /* MAIL's parameters about notifications (parse/dsn.h), for who offers DSN; null: none */
  char const *dsn_each;      /* those of RCPT: n of them, NUL-terminated, one behind the other; null: none */
  unsigned utf8 : 1;         /* SMTPUTF8 was declared (RFC 6531) */
  unsigned all : 1;          /* to all recipients or to none: sent only when the server took every one of them.
                                LMTP may still deliver to some alone: that is no K */
  struct client_body *body;  /* opened */
};

enum client_sent {
  CLIENT_SENT,   /* the report is complete */
  CLIENT_DEAD,   /* a kept connection (c->used) had been given up by the server before it answered anything: nothing was
                    delivered, the report is empty, the body at its start; connect anew and try again */
};

/* Sends, and appends the outcome to the report (which is empty). The connection stays open for the next message
 * where that makes sense (c->fd >= 0). Recipients' lines are missing only when the connection failed before the
 * server said a word on this message. */
enum client_sent client_send(struct client *c, struct client_message const *m, struct client_report *report);

/* Refuses a message for a reason of our own: a line for each recipient, then the verdict. kind is D or Z. */
void client_refuse(struct client_report *report, unsigned n, char kind, char const *a, char const *b);

enum client_path { CLIENT_PATH_OK, CLIENT_PATH_BAD, CLIENT_PATH_UTF8 /* a local part that only SMTPUTF8 can carry */ };

/* An envelope's address as it goes between < and >: quoted where it needs it, a domain of U-labels as A-labels when
 * the local part is ASCII. Controls, and spaces outside quotes, are refused. `utf8`: SMTPUTF8 is at hand. out gets a
 * NUL; no CR, LF, NUL or < > outside quotes within. */
enum client_path client_path(char out[LIMIT_ADDRESS + 3], char const *address, int utf8);

#endif
