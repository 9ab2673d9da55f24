/* relay-auth: checkpassword with our users.cdb. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "auth/asked.h"
#include "auth/talk.h"
#include "base/io.h"
#include "table/damage.h"

#define USAGE "relay-auth USERS.CDB PROG..."
#define ASKED_FD 3
#define PATIENCE 120000  /* milliseconds for all that comes on descriptor 3: clients ask their users */
#define WRONG 1
#define MISUSED 2

/* As whoever runs us has them, for the program that we become. */
static struct rlimit core;
static mode_t mask;

/* Nothing of this process is to be seen by others of its user, or left on a disk; and privileges that came with the
 * file served to open the users. */
static struct table_set *open_users(char const *path)
{
  mask = umask(077);
  if (getrlimit(RLIMIT_CORE, &core) < 0) strerr_diefu1sys(111, "prepare");
  struct rlimit none = { 0, core.rlim_max }; /* what is taken from the second can't be given back */
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  if (table_on_damage(0) < 0) strerr_diefu1sys(111, "prepare");
  struct table_set *t = table_open_users(path);
  int e = errno;
  if (setresgid(getgid(), getgid(), getgid()) < 0 || setresuid(getuid(), getuid(), getuid()) < 0)
    strerr_diefu1sys(111, "drop privileges");
  errno = e;
  if (!t && errno == EPROTO) strerr_dief(111, path, " is corrupt, or no users.cdb");
  if (!t) strerr_diefusys(111, "open ", path);
  return t;
}

/* Descriptor 3 up to its end. Returns the bytes, ASKED_MOST + 1 if there were more than may be. */
static size_t read_asked(char s[ASKED_MOST + 1], int64_t deadline)
{
  size_t n = 0;
  ssize_t r;
  while (n <= ASKED_MOST && (r = io_read(ASKED_FD, s + n, ASKED_MOST + 1 - n, deadline)) > 0) n += (size_t)r;
  if (n > ASKED_MOST || !r) return n;
  explicit_bzero(s, n);
  strerr_diefu1sys(errno == EBADF ? MISUSED : 111, "read from descriptor 3");
}

/* Where attributes go; -1: whoever asks doesn't know of them. */
static int attributes_fd(void)
{
  char const *s = getenv("RELAYAUTHFD");
  unsigned fd;
  if (!s) return -1;
  if (!uint0_scan(s, &fd) || fd <= ASKED_FD || fd > 65535) strerr_dief(MISUSED, "no descriptor: RELAYAUTHFD=", s);
  return (int)fd;
}

static void tell(int fd, stralloc const *s, int64_t deadline)
{
  if (fd < 0) return;
  if (io_write(fd, s->s, s->len, deadline) < 0) strerr_diefu1sys(111, "write attributes");
  close(fd);
}

static int put(stralloc *s, char const *name, char const *value)
{
  return stralloc_cats(s, name) && stralloc_cats(s, value) && stralloc_0(s);
}

/* Nobody asks anything: what may be asked? */
static void canary(struct auth const *a, int fd, int64_t deadline)
{
  char mechanisms[64] = "PLAIN LOGIN";
  stralloc s = STRALLOC_ZERO;
  if (a->about.cram) strcat(mechanisms, " CRAM-MD5");
  if (a->about.scram) strcat(mechanisms, " SCRAM-SHA-256");
  if (a->about.external) strcat(mechanisms, " EXTERNAL");
  if (!put(&s, "mechanisms=", mechanisms)) strerr_diefu1sys(111, "answer");
  tell(fd, &s, deadline);
  _exit(MISUSED);
}

static void tell_user(struct user const *u, int fd, int64_t deadline)
{
  stralloc s = STRALLOC_ZERO;
  int ok = put(&s, "user=", u->name) && (u->relay || put(&s, "relay=", "0"));
  for (size_t at = 0; ok && at < u->from_len; at += strlen(u->from + at) + 1) ok = put(&s, "from=", u->from + at);
  if (!ok) strerr_diefu1sys(111, "answer");
  tell(fd, &s, deadline);
}

static void run(struct user const *u, char const *const *argv)
{
  if (setenv("USER", u->name, 1) < 0) strerr_diefu1sys(111, "set the environment");
  unsetenv("RELAYAUTHFD");
  unsetenv("RELAYAUTHMECH");
  close(ASKED_FD);
  signal(SIGPIPE, SIG_DFL);
  umask(mask);
  setrlimit(RLIMIT_CORE, &core); /* no secret is left in this process */
  execvp(argv[0], (char *const *)argv);
  strerr_diefusys(111, "run ", argv[0]);
}

static int ask(struct auth *a, struct table_set const *t, enum mechanism m, int fd, int64_t deadline, struct user *u)
{
  char s[ASKED_MOST + 1];
  struct asked q;
  int result = WRONG;
  size_t n = read_asked(s, deadline);
  if (!n && m == MECHANISM_UNSAID) canary(a, fd, deadline);
  if (n > ASKED_MOST) result = AUTH_NO;
  else if (!asked_scan(&q, s, n))
    strerr_dief(MISUSED, "descriptor 3 must say user, password, time, with a NUL behind each");
  else result = auth_asked(a, t, m, &q, u);
  explicit_bzero(s, sizeof s);
  return result;
}

int main(int argc, char const *const *argv)
{
  struct auth a = { .hashes = 0 };
  struct user u;
  PROG = "relay-auth";
  if (argc < 3 || argv[1][0] == '-') strerr_dieusage(100, USAGE);
  if (!fd_sanitize()) strerr_diefusys(111, "open standard descriptors");
  signal(SIGPIPE, SIG_IGN);
  int64_t deadline = io_now() + PATIENCE;
  enum mechanism m = mechanism_of(getenv("RELAYAUTHMECH"));
  struct table_set *t = open_users(argv[1]);
  int fd = attributes_fd();
  if (m == MECHANISM_UNKNOWN) strerr_dief(MISUSED, "unknown: RELAYAUTHMECH=", getenv("RELAYAUTHMECH"));
  if (users_about(t, &a.about) < 0) strerr_dief(111, argv[1], " is corrupt");
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, 0); /* nobody's configuration decides here */
  int result = m == MECHANISM_SCRAM ? talk_scram(&a, t, ASKED_FD, deadline, &u) : ask(&a, t, m, fd, deadline, &u);
  explicit_bzero(&u.keys, sizeof u.keys);
  explicit_bzero(&a, sizeof a);
  if (result == AUTH_CORRUPT) strerr_dief(111, argv[1], " is corrupt");
  if (result == AUTH_FAILED) strerr_diefu1sys(111, "compute a hash");
  if (result == AUTH_ENDED) strerr_dief(111, "the conversation broke off");
  if (result == AUTH_YES) tell_user(&u, fd, deadline);
  table_close(t);
  if (result == AUTH_YES) run(&u, argv + 2);
  _exit(WRONG); /* not through exit: a sanitizer would want to look at this process, which can't be looked at */
}
