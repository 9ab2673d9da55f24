/* Files that hold a secret: the key that the machines share, the password of the server. */
#ifndef SHARE_SECRET_H
#define SHARE_SECRET_H

#include <stddef.h>

#define SECRET_MOST 4096 /* bytes of the file */

struct secret {
  char s[SECRET_MOST + 1]; /* any bytes; a NUL is put behind */
  size_t len;              /* without one LF at its end */
};

/* Reads it. Returns 0, or what is wrong in words (static, or of strerror): then *code is the exit code that this
 * deserves, 100 when somebody must change something (who may read it, what it is, that it has `least` bytes), 111 when
 * it can't be read now, and *s is as before. */
char const *secret_read(struct secret *s, char const *path, size_t least, int *code);

/* The lines of a password's file: the password, or the user's name and then the password. `user` is null for the first
 * form; both point into s. Returns 1, or 0 when it is neither. */
struct password { char const *user, *word; size_t user_len, word_len; };
int secret_password(struct password *p, struct secret const *s);

void secret_wipe(struct secret *s);

#endif
