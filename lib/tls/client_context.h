/* What tls/client.c's connections are made with. For the two client_*.c alone. */
#ifndef TLS_CLIENT_CONTEXT_H
#define TLS_CLIENT_CONTEXT_H

#include "tls/client.h"

struct tls_client {
  SSL *ssl;
  int fd;
  unsigned keyed : 1;       /* sessions are kept, under `key` */
  unsigned broken : 1;      /* no farewell any more */
  unsigned char key[32];
  struct tls_clients *all;
};

/* Makes c->ssl as `want` says, with a session of an earlier connection if there is one. Returns 1; or 0 with the reason
 * in `why`, and what there is of c->ssl is the caller's to free. */
int client_context_prepare(struct tls_client *c, struct tls_want const *want, char why[TLS_CLIENT_WHY]);

/* The handshake failed: no session of this kind is used again. */
void client_context_failed(struct tls_client *c);

#endif
