/* Files that hold a secret. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "share/secret.h"

static char const *check(int fd, int *code)
{
  struct stat st;
  if (fstat(fd, &st) < 0) return strerror(errno);
  *code = 100;
  if (!S_ISREG(st.st_mode)) return "it is not a regular file";
  if (st.st_mode & (S_IRWXO | S_IWGRP)) return "others may read or write it: chmod 640 or 600";
  if (st.st_size > SECRET_MOST) return "it is too large";
  *code = 111;
  return 0;
}

char const *secret_read(struct secret *s, char const *path, size_t least, int *code)
{
  struct secret x = { .len = 0 };
  *code = 111;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return strerror(errno);
  char const *wrong = check(fd, code);
  for (ssize_t r = 1; !wrong && r && x.len < SECRET_MOST; ) {
    r = read(fd, x.s + x.len, SECRET_MOST - x.len);
    if (r > 0) x.len += (size_t)r;
    else if (r < 0 && errno != EINTR) wrong = strerror(errno);
  }
  close(fd);
  if (!wrong && x.len && x.s[x.len - 1] == '\n') x.s[--x.len] = 0;
  if (!wrong && x.len < least) {
    wrong = x.len ? "it is too short" : "it is empty";
    *code = 100;
  }
  if (!wrong) *s = x;
  secret_wipe(&x);
  return wrong;
}

int secret_password(struct password *p, struct secret const *s)
{
  char const *lf = memchr(s->s, '\n', s->len);
  *p = (struct password){ .word = s->s, .word_len = s->len };
  if (lf) *p = (struct password){ s->s, lf + 1, (size_t)(lf - s->s), s->len - (size_t)(lf - s->s) - 1 };
  return p->word_len && (!p->user || p->user_len) && !memchr(p->word, '\n', p->word_len);
}

void secret_wipe(struct secret *s)
{
  explicit_bzero(s, sizeof *s);
}
