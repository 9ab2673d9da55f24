/* Asking a server whether it would take a recipient, without sending it anything. */
#ifndef SMTP_CLIENT_VERIFY_H
#define SMTP_CLIENT_VERIFY_H

#include "smtp/client_reply.h"
#include "smtp/client_session.h"

#define CLIENT_VERIFY_TEXT 1024 /* bytes of a text with its NUL */

enum client_verified {
  CLIENT_TAKES,     /* RCPT got 2xx */
  CLIENT_REFUSES,   /* RCPT got a 5xx that is about the recipient, or the address can't be sent there */
  CLIENT_UNSURE,    /* anything else: refused for now or for another reason (5.7.*: we may not), MAIL was refused, the
                       connection broke */
  CLIENT_GONE,      /* a kept connection (c->used) had been given up by the server before it answered: connect anew */
  CLIENT_UNREACHED, /* no server could be reached; only remote/remote.h says so */
};

/* Says MAIL FROM:<> and RCPT TO:<address> (RSET before them where it is needed), pipelined where that is offered
 * (RFC 2920), and never DATA or BDAT. text gets the server's reply to RCPT (TAKES, REFUSES: "550 5.1.1 no such user"),
 * or what went wrong, with the server's name before it; one line of printable ASCII. The connection stays open for the
 * next question where that makes sense (c->fd >= 0). Any byte but NUL may occur in the address. */
enum client_verified client_verify(struct client *c, char const *address, char text[CLIENT_VERIFY_TEXT]);

#endif
