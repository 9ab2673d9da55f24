/* What relay-tls hands to relay-tlsd: a client's connection, before anybody knows whether TLS will be asked for. The
 * socket on which it goes over is then the control end (SSLCTLFD) of UCSPI-TLS: the receiver writes one byte to it, `y`
 * or `Y`, or closes it. */
#ifndef UCSPI_PASS_H
#define UCSPI_PASS_H

#include <stddef.h>

struct ucspi_fds {
  int in, out;  /* the network; often the same socket twice */
  int plain;    /* relay-tlsd's end of the pair on which the receiver will speak without TLS */
};

/* Connects to a Unix socket without waiting: when nobody listens there, or too many wait already, there is no TLS.
 * Returns a descriptor, blocking and without close-on-exec, or -1 with errno (ENAMETOOLONG, ENOENT, ECONNREFUSED,
 * EACCES, EAGAIN). */
int ucspi_connect(char const *path);

/* Hands over, and then says `more` (a string, may be empty; a few bytes). The descriptors stay open here. Returns 0,
 * or -1 with errno. */
int ucspi_pass(int fd, struct ucspi_fds const *fds, char const *more);

/* Takes over: the descriptors are close-on-exec. Not a byte more than those of ucspi_pass's own are read. Returns 1;
 * 0 when the other side has closed; -1 with errno: EAGAIN (fd is non-blocking and nothing is there yet), EPROTO
 * (something else came; nothing is kept of it), ... */
int ucspi_take(int fd, struct ucspi_fds *fds);

/* Closes all descriptors from `first` on. */
void ucspi_close_from(int first);

#endif
