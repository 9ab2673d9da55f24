/* A process of relay-send's own, at the other end of a socket. For spawner.c and syncer.c. */
#ifndef SEND_CHILD_H
#define SEND_CHILD_H

#include <sys/types.h>

/* Forks. Returns in the child (*pid is 0) its end of a socket pair of this type, in the parent the other, non-blocking;
 * -1 with errno, in the parent alone: the child, if there is one, finds its socket at the end. Both close on exec. */
int child_fork(int type, pid_t *pid);

#endif
