/* TLS to the server, where hiredis has it (1.0 and later, when its header was there at the build). */
#ifndef SHARE_SECURE_H
#define SHARE_SECURE_H

#include <hiredis/hiredis.h>
#include "share/where.h"

struct secure { void *context; };

/* Reads DIR/ca.pem, the authorities that are believed about the server, and if they are there DIR/cert.pem and
 * DIR/key.pem, our own certificate. Returns 0, or what is wrong in words (static). */
char const *secure_open(struct secure *s, char const *dir);

/* Begins the handshake on a connection; the server must be who `at` says, by name or address. Returns what
 * secure_wants_read takes, which goes away with the connection, or null. */
void *secure_start(struct secure *s, redisContext *c, struct where const *at);

/* Does what could not be written wait for something to read? */
int secure_wants_read(void *tls);

/* What OpenSSL has last complained of, once. Null: nothing. Static. */
char const *secure_why(void);

void secure_close(struct secure *s);

#endif
