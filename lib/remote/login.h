/* Logging in at a relay, once EHLO has been answered: which mechanism, and what a failure of it means. */
#ifndef REMOTE_LOGIN_H
#define REMOTE_LOGIN_H

#include "policy/logins.h"
#include "smtp/client_session.h"

#define LOGIN_WHY (CLIENT_REPLY_TEXT + LOGIN_USER + 120)

enum logged_in {
  LOGIN_DONE,
  LOGIN_NEXT,   /* not here, but perhaps at the relay's next address */
  LOGIN_NEVER,  /* the relay refused it for good: asked more often it may lock the user out */
};

/* Takes the strongest mechanism that is offered, that the login's line allows, and that needs no word `clear` where
 * there is no TLS. One that the server turns out not to have (504) is followed by the next. Every failure is
 * temporary, since it is the operator's to mend: then `why`, printable but for what user and server say, is to go
 * behind the server's name, and the connection is closed. It never has the password: of a server that got it as it is
 * (PLAIN, LOGIN) it has the codes alone. */
enum logged_in login_run(struct client *c, struct login const *l, char why[LOGIN_WHY]);

#endif
