/* A host's addresses, found by a process of its own: nobody knows how long that takes. */
#ifndef SHARE_RESOLVE_H
#define SHARE_RESOLVE_H

#include <sys/types.h>
#include "parse/ip.h"

#define RESOLVE_MOST 8 /* addresses */

struct resolve {
  pid_t pid;    /* 0: none runs */
  int fd;       /* readable when it is done; -1: none */
};

/* Starts it. Returns 0, or -1 with errno. */
int resolve_start(struct resolve *r, char const *name);

/* When it is done: takes the addresses. Returns their number, or 0: *why says what is wrong (static). */
unsigned resolve_finish(struct resolve *r, struct ip out[RESOLVE_MOST], char const **why);

/* Ends it. Harmless when none runs. */
void resolve_abort(struct resolve *r);

#endif
