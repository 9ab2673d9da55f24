/* relay-through: a qmail-queue(8) without a queue. It hands the message to the next hop at once, through relay-remote,
 * and its verdict is the next hop's. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "base/io.h"
#include "base/spawn.h"
#include "table/damage.h"
#include "through/through.h"

#define USAGE "relay-through [-r RULES] [-t SECONDS] [-R PROGRAM] <message 1<envelope"
#define PIECE 65536
#define PATIENCE "240"       /* seconds of a single wait: less than relay-smtpd's for us, but who gives up between the
                                final dot and its answer delivers twice */
#define OWN_FD 6             /* where the words of a reply go */
#define REPORT 67108864      /* bytes of a report */

struct options {
  char const *rules, *patience, *remote;
};

/* Does the caller listen on descriptor 6? What else may be open there is none of ours. */
static int own_words(void)
{
  struct stat st;
  return !fstat(OWN_FD, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* Says the verdict and ends: in words where the caller takes them. */
static _Noreturn void end(struct through_verdict const *v)
{
  char text[1 + THROUGH_TEXT];
  if (!v->kind) _exit(THROUGH_OK);
  if (!own_words()) _exit(v->kind == 'D' ? THROUGH_REFUSED : THROUGH_HOP);
  int n = snprintf(text, sizeof text, "%c%s", v->kind, v->text);
  if (io_write_file(OWN_FD, text, (size_t)n) < 0) _exit(v->kind == 'D' ? THROUGH_REFUSED : THROUGH_HOP);
  _exit(THROUGH_OWN);
}

static _Noreturn void end_temporary(char const *text)
{
  struct through_verdict v = { .kind = 'Z' };
  snprintf(v.text, sizeof v.text, "%s", text);
  end(&v);
}

static size_t read_some(int fd, char *buf)
{
  ssize_t r;
  do r = read(fd, buf, PIECE); while (r < 0 && errno == EINTR);
  if (r < 0) _exit(THROUGH_READ);
  return (size_t)r;
}

/* The message stays in memory: a file without a name in any directory, from which relay-remote reads. */
static int read_message(char *buf)
{
  int fd = memfd_create("message", MFD_CLOEXEC);
  if (fd < 0) _exit(errno == ENOMEM ? THROUGH_MEMORY : THROUGH_WRITE);
  for (size_t n; (n = read_some(0, buf)); )
    if (io_write_file(fd, buf, n) < 0) _exit(errno == ENOMEM ? THROUGH_MEMORY : THROUGH_WRITE);
  if (lseek(fd, 0, SEEK_SET) < 0) _exit(THROUGH_WRITE);
  return fd;
}

static void read_envelope(struct through_envelope *e, char *buf)
{
  enum through_read r = THROUGH_MORE;
  while (r == THROUGH_MORE) {
    size_t n = read_some(1, buf);
    if (!n) _exit(THROUGH_READ); /* no final NUL: the caller has changed its mind, or died */
    r = through_envelope(e, buf, n);
  }
  if (r == THROUGH_LONG) _exit(THROUGH_TOO_LONG);
  if (r == THROUGH_NO_MEMORY) _exit(THROUGH_MEMORY);
  if (r != THROUGH_WHOLE) _exit(THROUGH_ENVELOPE);
}

/* relay-remote's command line. Null without memory. */
static char **words(struct options const *o, char const *domain, struct through_envelope const *e)
{
  char const *const fixed[] = { o->remote, "-a", "-t", o->patience, "-r", o->rules, "--", domain, e->bytes.s };
  size_t n = sizeof fixed / sizeof *fixed;
  char **argv = malloc((n + e->n + 1) * sizeof *argv);
  char const *s = through_recipients(e);
  if (!argv) return 0;
  memcpy(argv, fixed, sizeof fixed);
  for (unsigned i = 0; i < e->n; i++, s += strlen(s) + 1) argv[n++] = (char *)s;
  argv[n] = 0;
  return argv;
}

/* Starts the program with the message on descriptor 0; *report is what it says on descriptor 1. Returns 0, or an errno
 * value. */
static int start(char **argv, int message, int *report, pid_t *pid)
{
  int p[2];
  if (pipe2(p, O_CLOEXEC) < 0) return errno;
  struct spawn s = { .argv = (char const *const *)argv, .fds_n = 2, .fds = { { message, 0 }, { p[1], 1 } } };
  int e = spawn_start(pid, &s);
  close(p[1]);
  *report = p[0];
  return e;
}

/* Reads all that the program says. Returns 1, or 0: too much, or it can't be read. */
static int read_report(int fd, stralloc *sa, char *buf)
{
  for (size_t n; (n = read_some(fd, buf)); )
    if (sa->len + n > REPORT || !stralloc_catb(sa, buf, n)) return 0;
  return 1;
}

static void deliver(struct options const *o, int message, char const *domain, struct through_envelope const *e,
                    char *buf)
{
  struct through_verdict v;
  stralloc said = STRALLOC_ZERO;
  int report = -1, status;
  pid_t pid;
  char **argv = words(o, domain, e);
  if (!argv) _exit(THROUGH_MEMORY);
  int error = start(argv, message, &report, &pid);
  if (error == E2BIG) end_temporary("4.5.3 too many recipients");
  if (error) end_temporary("4.3.5 relay-remote can't be started");
  int whole = read_report(report, &said, buf);
  close(report);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) ;
  through_report(&v, said.s, whole ? said.len : 0, through_recipients(e), e->n);
  end(&v);
}

static void scan_options(int argc, char const *const *argv, struct options *o)
{
  subgetopt l = SUBGETOPT_ZERO;
  char const *rules = getenv("RELAYRULES");
  unsigned n;
  *o = (struct options){ rules && *rules ? rules : CONTROL_DIR "/rules.cdb", PATIENCE, BIN_DIR "/relay-remote" };
  for (int c; (c = subgetopt_r(argc, argv, "r:t:R:", &l)) != -1; ) {
    if (c == 'r') o->rules = l.arg;
    else if (c == 'R') o->remote = l.arg;
    else if (c == 't' && uint0_scan(l.arg, &n) && n && n <= 86400) o->patience = l.arg;
    else strerr_dieusage(100, USAGE);
  }
  if (l.ind != argc) strerr_dieusage(100, USAGE);
}

int main(int argc, char const *const *argv)
{
  static char buf[PIECE];
  struct options o;
  struct through_envelope e = { .bytes = STRALLOC_ZERO };
  struct through_verdict v;
  char domain[DOMAIN_TEXT];
  PROG = "relay-through";
  scan_options(argc, argv, &o);
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && (fd < 2 || open("/dev/null", O_WRONLY) != 2)) _exit(THROUGH_READ);
  fcntl(OWN_FD, F_SETFD, FD_CLOEXEC); /* if there is one */
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  if (table_on_damage(0) < 0) _exit(THROUGH_MEMORY);
  int message = read_message(buf);
  read_envelope(&e, buf);
  struct table_set *rules = table_open(o.rules);
  int one = through_hop(rules, through_recipients(&e), e.n, domain, &v);
  table_close(rules);
  if (!one) end(&v);
  deliver(&o, message, domain, &e, buf);
  return 0;
}
