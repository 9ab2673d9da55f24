/* Which directory of stamps a program means that is called as `NAME [DIR] PROG...`. */
#ifndef STAMP_DIR_H
#define STAMP_DIR_H

/* Takes DIR from the front of *argv, null-terminated, not empty: its first word, if that begins with `/` and is no
 * regular file that may be executed, or if it is empty. One that can't be looked at, or isn't there, is DIR, too: a
 * directory that is missing must not become the program. Else all words are PROG's, and the directory is what
 * RELAY_CTRL_DIR says, as relay-ctrl's programs have it. Returns it, or null when nobody says it. */
char const *stamp_dir(char const *const **argv);

#endif
