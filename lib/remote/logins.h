/* Which login a connection of relay-remote has, or needs. */
#ifndef REMOTE_LOGINS_H
#define REMOTE_LOGINS_H

#include "remote/remote.h"

/* Looks the login for mail of this sender up, into *l, which rm then points to, and hangs up when the connection has
 * another one. Returns null, or what is wrong (static). Either way logins_forget must follow: it wipes. */
char const *logins_for(struct remote *rm, char const *sender, struct login *l);
void logins_forget(struct remote *rm, struct login *l);

/* Was the login that is wanted refused by the relay a while ago, so that it must not be tried again yet? Then it is
 * noted as logins_use does. */
int logins_wait(struct remote *rm);

/* On a new connection: logs in, if that is wanted. Returns 1, or 0: noted among rm->targets' failures. */
int logins_use(struct remote *rm);

/* Might the server want one of our logins, which we may not read? */
int logins_hidden(struct remote const *rm);

#endif
