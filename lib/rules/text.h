/* The way back: a record of the tables as a line of its control file. */
#ifndef RULES_TEXT_H
#define RULES_TEXT_H

#include <stddef.h>
#include <skalibs/stralloc.h>
#include "table/table.h"

/* Appends the line, without LF, that compiles to this record; any byte but NUL, CR and LF may occur. It is not always
 * the line that was written: comments are gone, a range is one of its addresses, an alias has its last targets,
 * everything is canonical. Records without a line (r->line 0) are none. Returns 1, or 0 without memory. */
int rules_text(stralloc *out, enum table which, char const *key, size_t len, struct record const *r);

#endif
