/* The directory of stamps: removing what is old, beside those who write. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stamp/file.h"
#include "stamp/store.h"

/* The time that counts: of a stamp that of the login; of a file on its way that at which it was last touched. */
static int64_t time_of(char const *name, struct stat const *st)
{
  return *name == '.' ? st->st_ctime : st->st_mtime;
}

/* Of a time in the future the first clock knows nothing. The second may; else it is old when it is as far away as
 * something old. */
static int is_old(int dir, char const *name, struct stat const *st, int64_t seconds, struct clocks const *c)
{
  struct stamp s;
  struct stat again;
  int64_t age = c->now - time_of(name, st);
  if (age >= 0) return age > seconds;
  if (*name != '.' && stamp_file_read(dir, name, &again, &s) == STAMP_FOUND && s.boot >= 0 && c->boot >= s.boot)
    return c->boot - s.boot > seconds;
  return -age > seconds;
}

static int is_same(struct stat const *a, struct stat const *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Takes the file away from its name and looks whether it still is the one that was old: a writer may have put another
 * one there, or touched it. That one goes back, unless a younger one has come by then. */
static int take_away(int dir, char const *name, struct stat const *old)
{
  char aside[STAMP_ASIDE_NAME];
  struct stat st;
  stamp_file_aside(aside);
  if (renameat(dir, name, dir, aside) < 0) return errno == ENOENT ? 0 : -1;
  if (fstatat(dir, aside, &st, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT ? 0 : -1;
  if (is_same(&st, old)) return unlinkat(dir, aside, 0) < 0 ? -1 : 1;
  return stamp_file_place(dir, aside, name) < 0 ? -1 : 0;
}

int stamp_remove_old(int dir, char const *name, int64_t seconds, struct clocks const *c)
{
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT ? 0 : -1;
  if (!S_ISREG(st.st_mode) || st.st_nlink > 1 || st.st_size > STAMP_BODY) return errno = EPROTO, -1;
  if (!is_old(dir, name, &st, seconds, c)) return 0;
  int held = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); /* as long as it is open no other gets its number */
  if (held < 0) return errno == ENOENT ? 0 : -1;
  struct stat now;
  int r = fstat(held, &now) < 0 ? -1 : is_same(&now, &st) ? take_away(dir, name, &st) : 0;
  int e = errno;
  close(held);
  errno = e;
  return r;
}
