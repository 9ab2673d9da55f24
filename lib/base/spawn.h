/* Starting a program beside us. Descriptors that it is not given must be close-on-exec. */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#define SPAWN_FDS 4

struct spawn {
  char const *const *argv;   /* null-terminated */
  char **envp;               /* null: as ours */
  unsigned search : 1;       /* argv[0] is looked up in PATH */
  unsigned group : 1;        /* it leads a process group of its own */
  size_t fds_n;
  struct {                   /* in this order */
    int ours;                /* -1: /dev/null, to be read from as descriptor 0, else to be written to */
    int its;
  } fds[SPAWN_FDS];
};

/* Starts it, with SIGPIPE as usual. Returns 0 with *pid, or an errno value. */
int spawn_start(pid_t *pid, struct spawn const *s);

/* Our environment without the variables named in without[0..n) and without RELAYRULESFD, whose descriptor nobody behind
 * us gets; with[0..m), `NAME=VALUE`, come behind, a null is passed over. The vector alone is allocated, and the
 * caller's to free. Returns null without memory. */
char **spawn_environment(char const *const *without, size_t n, char *const *with, size_t m);

#endif
