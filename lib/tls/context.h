/* What all TLS connections of a server share. */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include "tls/certs.h"

#define CONTEXT_TICKETS 3600 /* seconds for which a ticket, and the key of all tickets, is good */

/* TLS 1.2 and 1.3, forward secrecy, no compression, no renegotiation, tickets. `certs` must live as long as the
 * context. Returns null with the reason in pem_why's place. */
SSL_CTX *context_new(struct certs const *certs);

/* Takes a new random key for tickets: those that are out are worth nothing from then on. Returns 1 or 0. */
int context_new_tickets(SSL_CTX *ctx);

#endif
