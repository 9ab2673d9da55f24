/* relay-mkcdb: compiles a control directory's texts into its rules.cdb, all or nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/buffer.h>
#include <skalibs/sgetopt.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>
#include "diff/installed.h"
#include "prove/report.h"
#include "rules/compile.h"
#include "rules/neighbours.h"

#define USAGE "relay-mkcdb [-n] [--diff] [DIR]"
#define RULES "rules.cdb"
#define RULES_NEW "rules.cdb.tmp"

static void complain(void *arg, int warning, char const *line)
{
  (void)arg;
  (void)warning;
  buffer_puts(buffer_2, line);
  buffer_put(buffer_2, "\n", 1);
}

/* Compiles into fd. Does not return if that fails; a file begun goes away. */
static void compile(char const *dir, int fd, int only_check)
{
  static struct neighbours around;
  neighbours_find(&around);
  int r = rules_compile(".", &around, fd, complain, 0);
  if (!r) r = report_check(fd, complain, 0);
  int e = errno;
  buffer_flush(buffer_2);
  if (r && !only_check) unlink(RULES_NEW);
  errno = e;
  if (r < 0) strerr_diefu2sys(111, "compile ", dir);
  if (r) strerr_dief2x(100, "errors found", only_check ? "" : "; " RULES " stays as it was");
}

static void die(char const *what, char const *dir)
{
  int e = errno;
  unlink(RULES_NEW);
  errno = e;
  strerr_diefu5sys(111, what, " ", dir, "/", RULES_NEW);
}

/* Says what the new rules change. */
static void show_diff(char const *dir, int fd, int only_check)
{
  stralloc out = STRALLOC_ZERO;
  if (diff_installed(&out, RULES, fd) == 0 && buffer_putflush(buffer_1, out.s, out.len) >= 0) {
    stralloc_free(&out);
    return;
  }
  int e = errno;
  if (!only_check) unlink(RULES_NEW);
  errno = e;
  strerr_diefu2sys(111, "show what changes in ", dir);
}

/* One run at a time per directory: the lock is on the directory, since the file's name moves on. It is taken before the
 * texts are read, so the last one to run compiles the last texts. */
static void make(char const *dir, int diff)
{
  int d = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (d < 0) strerr_diefu2sys(111, "open ", dir);
  while (flock(d, LOCK_EX) < 0)
    if (errno != EINTR) strerr_diefu2sys(111, "lock ", dir);
  if (unlink(RULES_NEW) < 0 && errno != ENOENT) die("remove", dir);
  int fd = open(RULES_NEW, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) strerr_diefu4sys(111, "create ", dir, "/", RULES_NEW);
  compile(dir, fd, 0);
  if (diff) show_diff(dir, fd, 0);
  if (fchmod(fd, 0644) < 0) die("chmod", dir);
  if (fsync(fd) < 0) die("sync", dir);
  if (rename(RULES_NEW, RULES) < 0) die("rename", dir);
  if (fsync(d) < 0) strerr_diefu2sys(111, "sync ", dir);
}

static void check(char const *dir, int diff)
{
  FILE *f = tmpfile();
  if (!f) strerr_diefu1sys(111, "create a temporary file");
  compile(dir, fileno(f), 1);
  if (diff) show_diff(dir, fileno(f), 1);
}

/* Takes `--diff` out of the arguments. Returns whether it was there. */
static int take_diff(int *argc, char const **args, char const *const *argv)
{
  int n = 0, ended = 0;
  for (int i = 0; i < *argc; i++) {
    ended |= i && !strcmp(argv[i], "--");
    if (!i || ended || strcmp(argv[i], "--diff")) args[n++] = argv[i];
  }
  args[n] = 0;
  int there = n < *argc;
  *argc = n;
  return there;
}

int main(int argc, char const *const *argv)
{
  subgetopt opt = SUBGETOPT_ZERO;
  char const *dir = CONTROL_DIR;
  char const *args[argc + 1];
  int only_check = 0, diff = take_diff(&argc, args, argv);
  argv = args;
  PROG = "relay-mkcdb";
  for (int c; (c = subgetopt_r(argc, argv, "n", &opt)) != -1; ) {
    if (c == 'n') only_check = 1;
    else strerr_dieusage(100, USAGE);
  }
  if (argc - opt.ind > 1) strerr_dieusage(100, USAGE);
  if (argc > opt.ind) dir = argv[opt.ind];
  if (chdir(dir) < 0) strerr_diefu2sys(111, "enter ", dir);
  if (only_check) check(dir, diff);
  else make(dir, diff);
  return 0;
}
