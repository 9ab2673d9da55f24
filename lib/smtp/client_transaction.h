/* What client_send's parts share: one transaction under way. Nobody else includes this. */
#ifndef SMTP_CLIENT_TRANSACTION_H
#define SMTP_CLIENT_TRANSACTION_H

#include <skalibs/stralloc.h>
#include "smtp/client_send.h"

enum client_step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_TEXT, STEP_END };

enum client_text {
  TEXT_DATA,    /* DATA, and what follows 354 */
  TEXT_SMALL,   /* BDAT LAST with all of the message behind it */
  TEXT_CHUNKS,  /* BDATs, once the recipients are known */
};

struct transaction {
  struct client *c;
  struct client_message const *m;
  struct client_report *report;
  enum client_text how;
  enum client_step putting, getting; /* the next command to put, the next reply to come */
  char const *put_at;                /* the next recipient to put */
  char const *put_dsn;               /* its parameters; null: none are put */
  unsigned put_n, get_n;             /* recipients put (or refused here), recipients with a line */
  unsigned offered;                  /* RCPTs put */
  unsigned outstanding;              /* commands without a reply */
  unsigned accepted, refused;        /* recipients with r, with h */
  stralloc fates;                    /* of each recipient put: enum client_path */
  char sender[LIMIT_ADDRESS + 3];    /* as it goes between < and > */
  unsigned smtputf8 : 1;             /* MAIL says SMTPUTF8 */
  unsigned kept : 1;                 /* the connection had served a transaction before */
  unsigned answered : 1;             /* the server showed, other than by 421, that it saw this transaction */
  unsigned lost : 1;                 /* the connection is of no more use; `why` says why */
  unsigned said : 1;                 /* and the server itself said so, with 421 */
  unsigned given : 1;                /* the end of the message was sent: it may have been delivered */
  unsigned failed : 1;               /* no memory */
  int mail;                          /* reply to MAIL; 0: none */
  int text;                          /* reply to DATA or BDAT LAST; 0: none */
  char mail_text[CLIENT_REPLY_TEXT];
  char why[CLIENT_REPLY_TEXT + 32];  /* what goes behind the server's name when the connection is lost */
};

/* Notes that the connection is lost: by c->trouble, or by a reply (421). */
void transaction_lost(struct transaction *t);
void transaction_said(struct transaction *t);

/* Commands and replies up to the recipients' verdicts, and beyond as far as that goes in the same round trip. */
void transaction_envelope(struct transaction *t);

/* TEXT_SMALL: appends BDAT LAST and the message to what will be sent. The message was measured and is whole. */
void transaction_put_small(struct transaction *t);

/* The text after 354, or in chunks, and the verdict: appends K, Z or D to the report. */
void transaction_data(struct transaction *t);
void transaction_chunks(struct transaction *t);

/* LMTP, after the final dot: reads an answer for each recipient that was accepted, which takes the place of its line,
 * and appends K, Z or D. */
void transaction_each(struct transaction *t);

/* Appends the verdict that a reply to the message (c->reply) means, or the loss of the connection. */
void transaction_verdict(struct transaction *t, int code);

#endif
