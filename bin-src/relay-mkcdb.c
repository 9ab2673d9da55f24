/* relay-mkcdb: compiles a control directory's texts into its rules.cdb, users.cdb and logins.cdb, all or nothing. */
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
#include "users/users.h"

#define USAGE "relay-mkcdb [-n] [--diff] [DIR]"
#define RULES "rules.cdb"

/* What is made: from all texts, or from one that few may read. */
enum { MADE_RULES, MADE_USERS, MADE_LOGINS, MADE };
static struct { char const *file, *new, *text, *danger; } const made[MADE] = {
  { RULES, "rules.cdb.tmp", 0, 0 },
  { "users.cdb", "users.cdb.tmp", "users", "who guesses passwords wants it" },
  { "logins.cdb", "logins.cdb.tmp", "logins", "there are passwords in it" },
};

struct work {
  char const *dir;
  int fd[MADE]; /* -1: there is no such text */
  gid_t group[MADE];
  int only_check, diff;
};

static void complain(void *arg, int warning, char const *line)
{
  (void)arg;
  (void)warning;
  buffer_puts(buffer_2, line);
  buffer_put(buffer_2, "\n", 1);
}

static void remove_new(void)
{
  int e = errno;
  for (int i = 0; i < MADE; i++) unlink(made[i].new);
  errno = e;
}

/* Compiles. Does not return if that fails; files begun go away. */
static void compile(struct work const *w)
{
  static struct neighbours around;
  char secret[USERS_SECRET];
  struct rules_private private = { w->fd[MADE_USERS], secret, w->fd[MADE_LOGINS] };
  neighbours_find(&around);
  if (private.users >= 0 && users_secret(made[MADE_USERS].file, secret) < 0) strerr_diefu1sys(111, "get random bytes");
  int r = rules_compile_private(".", &around, w->fd[MADE_RULES], &private, complain, 0);
  if (!r) r = report_check(w->fd[MADE_RULES], complain, 0);
  int e = errno;
  buffer_flush(buffer_2);
  if (r && !w->only_check) remove_new();
  errno = e;
  if (r < 0) strerr_diefu2sys(111, "compile ", w->dir);
  if (r) strerr_dief2x(100, "errors found", w->only_check ? "" : "; " RULES " stays as it was");
}

static void die(char const *what, char const *dir, char const *file)
{
  remove_new();
  strerr_diefu5sys(111, what, " ", dir, "/", file);
}

static int create(struct work const *w, char const *file)
{
  if (unlink(file) < 0 && errno != ENOENT) die("remove", w->dir, file);
  int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) die("create", w->dir, file);
  return fd;
}

/* Who may read a text may read what is made of it, but for everybody; the rules are for all. */
static void give(struct work const *w, int i)
{
  struct stat new;
  int fd = w->fd[i];
  if (fd < 0) return;
  if (fstat(fd, &new) < 0) die("look at", w->dir, made[i].new);
  if (made[i].text && new.st_gid != w->group[i] && fchown(fd, (uid_t)-1, w->group[i]) < 0)
    die("give the text's group to", w->dir, made[i].new);
  if (fchmod(fd, made[i].text ? 0640 : 0644) < 0) die("chmod", w->dir, made[i].new);
  if (fsync(fd) < 0) die("sync", w->dir, made[i].new);
}

/* Is it to be made? */
static int wanted(struct work *w, int i)
{
  struct stat text;
  if (!made[i].text) return 1;
  if (stat(made[i].text, &text) < 0) {
    if (errno != ENOENT) strerr_diefu4sys(111, "look at ", w->dir, "/", made[i].text);
    return 0;
  }
  if (text.st_mode & S_IROTH)
    strerr_warnw(w->dir, "/", made[i].text, " can be read by everybody: chmod o-r it, ", made[i].danger);
  w->group[i] = text.st_gid;
  return 1;
}

/* Says what the new rules change. */
static void show_diff(struct work const *w)
{
  stralloc out = STRALLOC_ZERO;
  if (diff_installed(&out, RULES, w->fd[MADE_RULES]) == 0 && buffer_putflush(buffer_1, out.s, out.len) >= 0) {
    stralloc_free(&out);
    return;
  }
  if (!w->only_check) remove_new();
  strerr_diefu2sys(111, "show what changes in ", w->dir);
}

/* One run at a time per directory: the lock is on the directory, since the file's name moves on. It is taken before the
 * texts are read, so the last one to run compiles the last texts. */
static void make(struct work *w)
{
  int d = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (d < 0) strerr_diefu2sys(111, "open ", w->dir);
  while (flock(d, LOCK_EX) < 0)
    if (errno != EINTR) strerr_diefu2sys(111, "lock ", w->dir);
  for (int i = 0; i < MADE; i++) w->fd[i] = wanted(w, i) ? 0 : -1;
  for (int i = 0; i < MADE; i++) if (!w->fd[i]) w->fd[i] = create(w, made[i].new);
  compile(w);
  if (w->diff) show_diff(w);
  for (int i = 0; i < MADE; i++) give(w, i);
  for (int i = MADE; i-- > 0;) { /* the rules last: relay-send takes them for the sign that all is new */
    if (w->fd[i] >= 0 && rename(made[i].new, made[i].file) < 0) die("rename", w->dir, made[i].new);
    if (w->fd[i] < 0 && unlink(made[i].file) < 0 && errno != ENOENT) die("remove", w->dir, made[i].file);
  }
  if (fsync(d) < 0) strerr_diefu2sys(111, "sync ", w->dir);
}

static int temporary(void)
{
  FILE *f = tmpfile();
  if (!f) strerr_diefu1sys(111, "create a temporary file");
  return fileno(f);
}

static void check(struct work *w)
{
  w->only_check = 1;
  for (int i = 0; i < MADE; i++) w->fd[i] = wanted(w, i) ? temporary() : -1;
  compile(w);
  if (w->diff) show_diff(w);
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
  struct work w = { .dir = CONTROL_DIR };
  char const *args[argc + 1];
  int only_check = 0;
  PROG = "relay-mkcdb";
  w.diff = take_diff(&argc, args, argv);
  argv = args;
  for (int c; (c = subgetopt_r(argc, argv, "n", &opt)) != -1; ) {
    if (c == 'n') only_check = 1;
    else strerr_dieusage(100, USAGE);
  }
  if (argc - opt.ind > 1) strerr_dieusage(100, USAGE);
  if (argc > opt.ind) w.dir = argv[opt.ind];
  if (chdir(w.dir) < 0) strerr_diefu2sys(111, "enter ", w.dir);
  if (only_check) check(&w);
  else make(&w);
  return 0;
}
