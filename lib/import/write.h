/* Writing what was imported into a control directory, and compiling it. */
#ifndef IMPORT_WRITE_H
#define IMPORT_WRITE_H

#include "import/import.h"
#include "rules/compile.h"

/* Writes the texts into the directory dir, which is made if missing (its parent must be there): each aside, synced, and
 * when all are, renamed. Without `force` nothing is written when one of the files is there. Returns 0; 1 when a file is
 * there (its path in x->path); -1 with errno and x->path. */
int import_write(struct import *x, char const *dir, int force);

/* Compiles the files of dir into a temporary file, and asks whether strangers can relay by them, as relay-mkcdb does
 * (but for what it knows of this host's neighbours). A missing `me` is made up. Returns as rules_compile. */
int import_check(char const *dir, complain_fn *complain, void *arg);

/* Goes through the control files in dir that we did not write: *i starts at 0. Returns the next one's name, or null. */
char const *import_others(struct import const *x, char const *dir, unsigned *i);

#endif
