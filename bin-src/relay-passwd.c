/* relay-passwd: makes a line for `users` from a password. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "auth/make.h"
#include "base/io.h"
#include "users/users.h"

#define USAGE "relay-passwd [-c] [-S] [-k yescrypt|bcrypt|sha512] [-r COST] [-i ITERATIONS] NAME"
#define LINE (USERS_PASSWORD + 3) /* one byte too many, CR LF */
#define ITERATIONS 65536

static struct termios before; /* the terminal as it was */

static void restore(int sig)
{
  tcsetattr(0, TCSAFLUSH, &before);
  signal(sig, SIG_DFL);
  raise(sig);
}

/* A line of descriptor 0 without its end. Returns its bytes; of one that is too long more than a password may have. */
static size_t read_line(char s[LINE])
{
  size_t n = 0;
  ssize_t r = 1;
  while (n < LINE) {
    r = read(0, s + n, 1); /* byte by byte: what follows is somebody else's */
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0 || s[n] == '\n') break;
    n++;
  }
  if (r < 0) strerr_diefu1sys(111, "read the password");
  if (n < LINE && n && s[n - 1] == '\r') n--;
  return n;
}

static void prompt(char const *text)
{
  if (io_write_file(2, text, strlen(text)) < 0) strerr_diefu1sys(111, "ask for the password");
}

static size_t ask(char s[LINE], char const *text)
{
  static int const signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
  struct termios quiet = before;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], &restore);
  signal(SIGTSTP, SIG_IGN); /* a stopped process would leave a terminal without echo */
  quiet.c_lflag &= (tcflag_t)~(ECHO | ECHOE | ECHOK | ECHONL);
  if (tcsetattr(0, TCSAFLUSH, &quiet) < 0) strerr_diefu1sys(111, "switch the terminal's echo off");
  prompt(text);
  size_t n = read_line(s);
  tcsetattr(0, TCSAFLUSH, &before);
  prompt("\n");
  return n;
}

static size_t ask_twice(char s[LINE])
{
  char again[LINE];
  size_t n = ask(s, "Password: ");
  int same = ask(again, "Once more: ") == n && !memcmp(s, again, n);
  explicit_bzero(again, sizeof again);
  if (same) return n;
  explicit_bzero(s, LINE);
  strerr_dief(100, "the two differ");
}

static uint32_t number(char const *s)
{
  uint32_t n;
  if (!uint320_scan(s, &n) || !n) strerr_dief(100, "not a number that can be used: ", s);
  return n;
}

static char const *scan_options(struct make *m, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  int no_scram = 0;
  for (int opt; (opt = subgetopt_r(argc, argv, "cSk:r:i:", &l)) != -1; ) {
    switch (opt) {
      case 'c': m->cram = 1; break;
      case 'S': no_scram = 1; break;
      case 'k': if ((m->kind = make_kind(l.arg)) == MAKE_COUNT) strerr_dieusage(100, USAGE); break;
      case 'r': m->cost = number(l.arg); break;
      case 'i': m->iterations = number(l.arg); break;
      default: strerr_dieusage(100, USAGE);
    }
  }
  if (argc - l.ind != 1) strerr_dieusage(100, USAGE);
  if (!make_cost_ok(m->kind, m->cost)) strerr_dief(100, "a cost that this kind of hash can't have");
  if (m->iterations < USERS_ITERATIONS_LEAST || m->iterations > USERS_ITERATIONS_MOST)
    strerr_dief(100, "iterations must be from 4096 to 10000000");
  if (no_scram) m->iterations = 0;
  return argv[l.ind];
}

static void say(struct make const *m, char const *password)
{
  for (char const *s = password; *s && m->iterations; s++)
    if ((unsigned char)*s >= 0x80) {
      strerr_warnw("the password is not plain ASCII: a program that writes it in other bytes can't log in");
      break;
    }
  if (m->cram) strerr_warnw("who can read what stands behind {CRAM-MD5} can log in with it, as with the password");
}

int main(int argc, char const *const *argv)
{
  struct make m = { .iterations = ITERATIONS };
  struct rlimit none = { 0, 0 };
  char name[USERS_NAME + 1], password[LINE + 1];
  stralloc line = STRALLOC_ZERO;
  PROG = "relay-passwd";
  char const *arg = scan_options(&m, argc, argv);
  if (!users_name(name, arg, strlen(arg))) strerr_dief(100, arg, " can't be a user's name");
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, 0);
  size_t n = tcgetattr(0, &before) == 0 ? ask_twice(password) : read_line(password);
  char const *why = make_unfit(m.kind, password, n);
  if (why) {
    explicit_bzero(password, sizeof password);
    strerr_dief(100, why);
  }
  password[n] = 0;
  say(&m, password);
  int ok = stralloc_cats(&line, name) && stralloc_cats(&line, " ") && make_hashes(&line, &m, password) &&
    stralloc_cats(&line, "\n");
  explicit_bzero(password, sizeof password);
  if (!ok) strerr_diefu1sys(111, "make a hash");
  if (io_write_file(1, line.s, line.len) < 0) strerr_diefu1sys(111, "write the line");
  stralloc_free(&line);
  _exit(0); /* not through exit: a sanitizer would want to look at this process, which can't be looked at */
}
