/* How a client's session begins: greeting, EHLO and what the server offers, STARTTLS. */
#ifndef SMTP_CLIENT_HELLO_H
#define SMTP_CLIENT_HELLO_H

#include "smtp/client_session.h"

enum client_hello {
  CLIENT_READY,
  CLIENT_REFUSED,  /* c->reply says why (its code is no 2xx) */
  CLIENT_SELF,     /* the server goes by our own name */
  CLIENT_BROKEN,   /* c->trouble says why */
};

/* Reads the greeting and says EHLO, or HELO to those who don't know EHLO (RFC 5321 3.2, 4.1.1.1); with c->lmtp LHLO
 * (RFC 2033 4.1). `me` is our name,
 * canonical. With `find_self` a server that greets or answers by our own name is found out. Anything but READY
 * leaves a connection on which only client_quit or client_close make sense. */
enum client_hello client_hello(struct client *c, char const *me, int find_self);

/* EHLO once more, after client_secured: what was offered in the clear counts no more (RFC 3207 4.2). As client_hello,
 * but there is no second greeting. */
enum client_hello client_hello_again(struct client *c, char const *me, int find_self);

/* Says STARTTLS (RFC 3207). READY: the server said 220, and its next byte must be the handshake's. REFUSED: c->reply
 * says why; the session goes on in the clear unless it said 421. BROKEN: c->trouble says why; INJECTED when the server
 * sent anything before or behind the 220 that was not asked for: then somebody in the middle tries to put words of his
 * into what comes under TLS. */
enum client_hello client_starttls(struct client *c);

#endif
