/* What is told about a TLS connection: variables with the names of Apache's mod_ssl. */
#ifndef TLS_DESCRIBE_H
#define TLS_DESCRIBE_H

#include <openssl/ssl.h>
#include <skalibs/stralloc.h>

/* Appends `NAME=value\0` for each, and an empty one. Values that come from the client are left out when they hold
 * controls or a NUL; those of its certificate are there only when that was verified. At most UCSPI_VARS bytes.
 * Returns 1, or 0 without memory. */
int describe(stralloc *out, SSL *ssl);

#endif
