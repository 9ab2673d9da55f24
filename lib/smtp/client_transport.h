/* What carries a client's bytes instead of the plain descriptor: TLS, as the room `remote` has it. The room `smtp`
 * knows no OpenSSL. */
#ifndef SMTP_CLIENT_TRANSPORT_H
#define SMTP_CLIENT_TRANSPORT_H

#include <stdint.h>
#include <sys/types.h>

struct client_transport {
  /* Reads at least one byte and at most n before `deadline` (io_now's clock). Returns the bytes, 0 at the end
   * (with a farewell or without: SMTP has its own ends), -1 with errno: ETIMEDOUT, EPROTO for what breaks TLS. */
  ssize_t (*read)(void *arg, char *buf, size_t n, int64_t deadline);
  /* Writes at least one byte of n before `deadline`; what has gone at once goes whatever the deadline is. Returns as
   * above, never 0. After -1 with ETIMEDOUT nothing more can be written. */
  ssize_t (*write)(void *arg, char const *s, size_t n, int64_t deadline);
  /* Is it still open, with nothing to be read? Never waits. Returns 1 or 0. */
  int (*quiet)(void *arg);
  /* Ends it, with a farewell if that goes without a wait. The descriptor stays the client's, and open. */
  void (*close)(void *arg);
};

#endif
