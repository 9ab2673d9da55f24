/* The certificates of a directory: DIR/NAME/cert.pem (the certificate, then those that lead to its authority) and
 * DIR/NAME/key.pem, any number of NAMEs; those named `default`, or `default-...`, are for clients that name no host
 * of ours. DIR/clients.pem, if it is there, has the authorities of clients' certificates. */
#ifndef TLS_CERTS_H
#define TLS_CERTS_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>

#define CERTS_MOST 10000 /* directories */

struct cert {
  char *name;              /* of the directory */
  X509 *leaf;
  STACK_OF(X509) *chain;
  EVP_PKEY *key;
};

struct certs {
  struct cert *list;       /* sorted by name */
  size_t n;
  STACK_OF(X509) *clients; /* null: clients' certificates are not asked for */
  uint8_t state[32];       /* which files there were, see certs_state */
};

/* A digest over the names, sizes and times of all these files: it changes when one of them does. Returns 0, or -1
 * with errno. */
int certs_state(uint8_t state[32], char const *dir);

/* Reads all. What can't be used (unreadable, damaged, key and certificate don't belong together, too weak) is logged
 * and taken from `old` (null: none) instead, if it was there. Returns 0, or -1 when there is no certificate or
 * clients.pem can't be used: then *c is empty and what is wrong has been logged. */
int certs_load(struct certs *c, char const *dir, struct certs const *old);

/* Gives all back; the keys' memory is wiped when nobody else holds them. */
void certs_free(struct certs *c);

/* Gives ssl the certificates that suit the host name (null: none) that the client asks for: those whose names (RFC
 * 6125: also wildcards) have it, else the default ones, else the first. Returns 1, or 0 when there is none. */
int certs_choose(struct certs const *c, SSL *ssl, char const *host);

#endif
