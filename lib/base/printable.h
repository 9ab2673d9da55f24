/* Text from outside, for people: no byte of it may move a cursor. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>
#include <skalibs/stralloc.h>

/* Appends s[0..n), any bytes: printable ASCII as it is, a backslash, too; everything else as \xHH. Returns 1, or 0
 * without memory. */
int printable_put(stralloc *out, char const *s, size_t n);

#endif
