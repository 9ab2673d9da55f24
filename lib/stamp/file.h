/* One file of the directory, by its name: what stamp's own sources share. */
#ifndef STAMP_FILE_H
#define STAMP_FILE_H

#include <sys/stat.h>
#include "stamp/store.h"

#define STAMP_ASIDE ".posthouse." /* how the names of files begin that are on their way */
#define STAMP_ASIDE_NAME 80         /* bytes of such a name with its NUL */

/* Opens a file that can be a stamp by its kind, its links and its size. *fd is -1, or the caller's to close also when
 * STAMP_FOUND is not returned. */
enum stamp_found stamp_file_open(int dir, char const *name, struct stat *st, int *fd);

/* Reads one: all of *out but its address. */
enum stamp_found stamp_file_read(int dir, char const *name, struct stat *st, struct stamp *out);

/* Makes a name that nobody has: process, time, count. */
void stamp_file_aside(char out[STAMP_ASIDE_NAME]);

/* Removes it; errno stays. */
void stamp_file_discard(int dir, char const *name);

/* Moves the stamp `aside` to `name`, unless one stands there, or comes at the same moment, that is as young or younger.
 * What is no stamp, or one from the future, gives way; a directory doesn't. Returns 1 when aside was put, 0 when
 * another stays, -1 with errno. The name aside is gone in each case. */
int stamp_file_place(int dir, char const *aside, char const *name);

#endif
