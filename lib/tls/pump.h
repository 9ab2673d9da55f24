/* Bytes between a TLS connection and the socket of a program that knows nothing of TLS. */
#ifndef TLS_PUMP_H
#define TLS_PUMP_H

#include <openssl/ssl.h>

/* Carries bytes both ways until both are at their ends: an end of one is passed on and the other goes on. A side that
 * takes nothing is not read for. After the program's last byte close_notify is sent. Ends also when `idle`
 * milliseconds pass without a byte, when the client breaks the protocol, or is gone. in, out and plain must be
 * non-blocking. Nothing is closed. */
void pump(SSL *ssl, int in, int out, int plain, int64_t idle);

#endif
