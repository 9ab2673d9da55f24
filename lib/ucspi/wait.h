/* TLS without relay-tlsd: a process of one connection that waits, small, until TLS is asked for. */
#ifndef UCSPI_WAIT_H
#define UCSPI_WAIT_H

#include "ucspi/pass.h"

#define WAIT_CONTROL 3 /* the descriptors of `relay-tlsd -1`, besides 0 and 1, the network, and 2, the log */
#define WAIT_PLAIN 4

/* Has `dir` a certificate and a key that we may read, as far as that is seen from outside? Returns 1 or 0. */
int wait_has_certificate(char const *dir);

/* Starts a process that is nobody's child. When `y` or `Y` can be read from `control` it runs argv, whose descriptors
 * are as above (the byte stays to be read); when the other end is closed it ends. Returns 0, or -1 with errno. Here
 * all descriptors stay as they are. SIGCHLD must not be ignored. */
int wait_start(int control, struct ucspi_fds const *fds, char const *const *argv);

#endif
