/* What the TLS side of UCSPI-TLS answers to `Y`: `VAR=value\0` any number of times, and an empty one, when the
 * handshake is done. s6-ucspitlsd also sends names without a value, of what is not known: they are dropped. */
#ifndef UCSPI_VARS_H
#define UCSPI_VARS_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>

#define UCSPI_VARS 16384 /* bytes of an answer */

/* An answer that is being read. Starts zeroed but for `list`. */
struct ucspi_vars {
  stralloc *list;   /* gets `SSL_...=value\0` for each: nothing else may come into an environment that way */
  size_t start;     /* where in it the one that is incomplete begins */
  size_t seen;      /* bytes so far */
};

/* Reads the next piece of the answer. Variables whose names don't begin with SSL_ or have other letters than A-Z,
 * a-z, 0-9, _ are dropped. Returns 1 at the end, 0 when more must come, -1 with errno: EPROTO (too long, a value
 * without a name, or bytes behind the end), ENOMEM. Any byte may occur in s. */
int ucspi_vars_add(struct ucspi_vars *v, char const *s, size_t len);

/* Reads a whole answer from fd before deadline (base/io.h) and appends it to list. Returns 0, or -1 with errno: EPIPE
 * (the other side closed: there was no handshake), ETIMEDOUT, or as above; list is then as it was. */
int ucspi_vars_read(int fd, stralloc *list, int64_t deadline);

/* Appends the changes to the environment (skalibs' modifs) that remove what some other TLS has left there: SSLCTLFD,
 * SSLREADFD, SSLWRITEFD and every SSL_ variable but OpenSSL's own SSL_CERT_FILE and SSL_CERT_DIR. Returns 1, or 0
 * without memory. */
int ucspi_vars_clear(stralloc *modifs, char const *const *environment);

#endif
