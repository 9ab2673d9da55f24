/* Who has logged in, by the variables with which POP3 and IMAP servers tell it to what comes after a login. Pure. */
#ifndef STAMP_LOGIN_H
#define STAMP_LOGIN_H

#include "stamp/stamp.h"

/* Null: not set.
 *   authenticated            Courier: the account's address; empty or not set before the login
 *   user, domain             checkpassword programs and mailfront's; Dovecot's user is the whole name
 *   authuser, authargv0      Courier: programs, both set wherever its chain of authentication modules runs
 *   authuser alone           others: a name */
struct login_env { char const *authenticated, *user, *domain, *authuser, *authargv0; };

/* Has somebody logged in? Only in Courier's chain of modules it may be that nobody has. */
int login_is_done(struct login_env const *e);

/* Writes the name, "" when it isn't known. Returns 1, or 0 when what should be the name can't be one. */
int login_user(char out[STAMP_USER], struct login_env const *e);

/* Reads an address, without its zone id (fe80::1%eth0). s may be null. Returns 1, or 0 when it is none, or no
 * client's. */
int login_address(struct ip *ip, char const *s);

/* Is it one, and not the unspecified one? */
int login_is_client(struct ip const *ip);

#endif
