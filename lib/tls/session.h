/* One TLS connection, from its handshake to its end. */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include "tls/certs.h"
#include "ucspi/pass.h"

struct session {
  struct ucspi_fds fds;
  int control;           /* gets the variables if they were asked for */
  int tell;              /* `Y` rather than `y` */
  unsigned handshake;    /* seconds for it */
  unsigned idle;         /* seconds without a byte in any direction */
};

/* Serves the connection and takes the certificates with it: the keys are wiped when the handshake is over, and with
 * them the keys of tickets, so that nothing that a client sends later can reach them. SIGPIPE must be ignored.
 * Returns the exit code of the process: 0, or 111 when there was no handshake (which has been logged). All
 * descriptors are closed. */
int session_run(struct session const *s, SSL_CTX *ctx, struct certs *certs);

#endif
