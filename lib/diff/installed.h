/* The difference that new rules would make, before they are installed. */
#ifndef DIFF_INSTALLED_H
#define DIFF_INSTALLED_H

#include <skalibs/stralloc.h>

/* Appends to out what changes from the rules at `path` to those just compiled to fd, or that nothing does, or that
 * there are none at `path` or none that can be read. Returns 0, or -1 with errno. */
int diff_installed(stralloc *out, char const *path, int fd);

#endif
