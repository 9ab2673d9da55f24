/* Which directory of stamps a program means that is called as `NAME [DIR] PROG...`. */
#ifndef STAMP_DIR_H
#define STAMP_DIR_H

/* Takes DIR from the front of *argv, null-terminated, not empty. It may be left out where RELAY_CTRL_DIR says it, as
 * relay-ctrl's programs have it: then only a directory's full path is DIR, and wins; what lies in the current directory
 * may be anybody's. */
char const *stamp_dir(char const *const **argv);

#endif
