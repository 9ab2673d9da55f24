/* Records under a sum over themselves, for files that hold secrets: whatever byte is damaged, it is noticed. */
#ifndef TABLE_SEAL_H
#define TABLE_SEAL_H

#include <skalibs/stralloc.h>
#include "table/table.h"

#define TABLE_SEAL 32 /* bytes of the sum, SHA-256, before the record's text */

/* To write one: table_seal_reserve appends room for the sum; the text is appended, each field with a NUL behind; then
 * table_seal puts the sum of the file's format (TABLE_FORMAT_...), the key (any bytes but NUL) and the text at out->s +
 * at, where that room is. table_seal_reserve returns 1, or 0 without memory. */
int table_seal_reserve(stralloc *out);
void table_seal(stralloc *out, size_t at, char const *format, char const *key, size_t len);

/* A record's text if its sum is right and it ends with a NUL, *n bytes; it points into the table. Null: damage. */
char const *table_unseal(struct record const *r, char const *format, char const *key, size_t len, size_t *n);

#endif
