/* relay-mkcdb: compiles a control directory's texts into its rules.cdb and users.cdb, all or nothing. */
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
#define RULES_NEW "rules.cdb.tmp"
#define USERS "users.cdb"
#define USERS_NEW "users.cdb.tmp"
#define USERS_TEXT "users"

/* What is being made; users -1: there is no such text. */
struct work {
  char const *dir;
  int rules, users;
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
  unlink(RULES_NEW);
  unlink(USERS_NEW);
  errno = e;
}

/* Compiles. Does not return if that fails; files begun go away. */
static void compile(struct work const *w)
{
  static struct neighbours around;
  char secret[USERS_SECRET];
  struct rules_users users = { .fd = w->users, .secret = secret };
  neighbours_find(&around);
  if (w->users >= 0 && users_secret(USERS, secret) < 0) strerr_diefu1sys(111, "get random bytes");
  int r = rules_compile_users(".", &around, w->rules, w->users >= 0 ? &users : 0, complain, 0);
  if (!r) r = report_check(w->rules, complain, 0);
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

/* Who may read the text may read what is made of it, but for everybody. */
static void give_users(struct work const *w, struct stat const *text)
{
  struct stat new;
  if (w->users < 0) return;
  if (fstat(w->users, &new) < 0) die("look at", w->dir, USERS_NEW);
  if (new.st_gid != text->st_gid && fchown(w->users, (uid_t)-1, text->st_gid) < 0)
    die("give the group of " USERS_TEXT " to", w->dir, USERS_NEW);
  if (fchmod(w->users, 0640) < 0) die("chmod", w->dir, USERS_NEW);
  if (fsync(w->users) < 0) die("sync", w->dir, USERS_NEW);
}

/* Is there a text `users`? */
static int has_users(struct work const *w, struct stat *text)
{
  if (stat(USERS_TEXT, text) < 0) {
    if (errno != ENOENT) strerr_diefu4sys(111, "look at ", w->dir, "/", USERS_TEXT);
    return 0;
  }
  if (text->st_mode & S_IROTH)
    strerr_warnw(w->dir, "/" USERS_TEXT " can be read by everybody: chmod o-r it, who guesses passwords wants it");
  return 1;
}

/* Says what the new rules change. */
static void show_diff(struct work const *w)
{
  stralloc out = STRALLOC_ZERO;
  if (diff_installed(&out, RULES, w->rules) == 0 && buffer_putflush(buffer_1, out.s, out.len) >= 0) {
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
  struct stat text;
  int d = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (d < 0) strerr_diefu2sys(111, "open ", w->dir);
  while (flock(d, LOCK_EX) < 0)
    if (errno != EINTR) strerr_diefu2sys(111, "lock ", w->dir);
  int users = has_users(w, &text);
  w->rules = create(w, RULES_NEW);
  if (users) w->users = create(w, USERS_NEW);
  compile(w);
  if (w->diff) show_diff(w);
  if (fchmod(w->rules, 0644) < 0) die("chmod", w->dir, RULES_NEW);
  if (fsync(w->rules) < 0) die("sync", w->dir, RULES_NEW);
  give_users(w, &text);
  if (rename(RULES_NEW, RULES) < 0) die("rename", w->dir, RULES_NEW);
  if (users && rename(USERS_NEW, USERS) < 0) die("rename", w->dir, USERS_NEW);
  if (!users && unlink(USERS) < 0 && errno != ENOENT) die("remove", w->dir, USERS);
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
  struct stat text;
  w->only_check = 1;
  w->rules = temporary();
  if (has_users(w, &text)) w->users = temporary();
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
  struct work w = { .dir = CONTROL_DIR, .users = -1 };
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
