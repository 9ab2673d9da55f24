/* For those who write for people. Each returns 1, or 0 without memory. */
#ifndef EXPLAIN_PRINT_H
#define EXPLAIN_PRINT_H

#include <stdint.h>
#include <skalibs/stralloc.h>
#include "table/table.h"

/* The name of a table's file. */
char const *file_name(enum table which);

/* Appends s[0..n) as printable ASCII: a backslash is doubled, other bytes become \xHH. */
int print_bytes(stralloc *out, char const *s, size_t n);
int print(stralloc *out, char const *s);
/* `file:line`. */
int print_place(stralloc *out, char const *file, uint32_t line);
/* Appends strings, null-terminated, as they are. */
int print_all(stralloc *out, char const *const *s);
#define PRINT(out, ...) print_all(out, (char const *const[]){ __VA_ARGS__, 0 })
/* Blanks up to a column behind `from`, one at least. */
int print_pad(stralloc *out, size_t from, size_t column);

#endif
