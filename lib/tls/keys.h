/* The certificates in use, and their context: renewed when the files change. */
#ifndef TLS_KEYS_H
#define TLS_KEYS_H

#include "tls/context.h"

struct keys {
  char const *dir;
  struct certs certs;
  SSL_CTX *ctx;         /* null: there is no certificate yet */
  uint8_t seen[32];     /* the state of the files at the last try, good or not: what is broken is complained of once */
  int64_t looked;       /* when they were looked at, io_now's clock; 0: never */
  int64_t tickets;      /* when the tickets' key was made */
};

/* Looks whether the files have changed, unless that was done within the last second (`now`: do it), and takes the new
 * ones if they are good. Returns whether there is a certificate. */
int keys_look(struct keys *k, int now);

void keys_free(struct keys *k);

#endif
