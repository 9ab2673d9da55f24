/* The spawner: forks stay cheap however large the scheduler is, and the scheduler needs no privilege. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include <skalibs/unixmessage.h>
#include "policy/route.h"
#include "send/child.h"
#include "send/spawner.h"

/* In the child: descriptor 0 is the socket, 1 nothing, 2 the log, one has the refused logins; all others close on
 * exec. */
static void become(struct spawner const *p, char const *word, int fd)
{
  char const *const argv[] = { p->program, "-e", "-r", p->rules, "-s", word, 0 };
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, 1) < 0 || dup2(fd, 0) < 0) _exit(111);
  if (p->refused >= 0) fcntl(p->refused, F_SETFD, 0);
  static int const list[] = { SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGCHLD, SIGPIPE };
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) signal(list[i], SIG_DFL);
  execvp(p->program, (char *const *)argv);
  strerr_warnwusys("run ", p->program);
  _exit(111);
}

static void serve(struct spawner const *p, unixmessage const *m)
{
  char word[ROUTE_TEXT];
  if (m->nfds == 1 && m->len && m->len < sizeof word && !memchr(m->s, 0, m->len)) {
    memcpy(word, m->s, m->len);
    word[m->len] = 0;
    pid_t pid = fork();
    if (!pid) become(p, word, m->fds[0]);
    if (pid < 0) strerr_warnwusys("fork");
  }
  unixmessage_drop(m);
}

static _Noreturn void run(struct spawner const *p, int fd)
{
  char main_buffer[UNIXMESSAGE_BUFSIZE], aux_buffer[UNIXMESSAGE_AUXBUFSIZE];
  unixmessage_receiver in =
    UNIXMESSAGE_RECEIVER_INIT(fd, main_buffer, sizeof main_buffer, aux_buffer, sizeof aux_buffer);
  static int const list[] = { SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGPIPE, SIGCHLD }; /* children are not waited for */
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) signal(list[i], SIG_IGN);
  for (;;) {
    unixmessage m;
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    int r = unixmessage_receive(&in, &m);
    if (r > 0) serve(p, &m);
    else if (r < 0) _exit(0);
    else poll(&wait, 1, -1);
  }
}

/* Says where the refused logins are. */
static void say_refused(int fd)
{
  char number[UINT_FMT];
  number[uint_fmt(number, (unsigned)fd)] = 0;
  if (fd < 0 ? unsetenv("RELAYREFUSEDFD") : setenv("RELAYREFUSEDFD", number, 1))
    strerr_diefusys(111, "set RELAYREFUSEDFD");
}

int spawner_start(struct spawner const *p, pid_t *pid)
{
  int fd = child_fork(SOCK_STREAM, pid);
  if (fd >= 0 && !*pid) {
    if (identity_take(&p->who) < 0) strerr_diefusys(111, "become relay-remote's user");
    say_refused(p->refused);
    if (chdir("/") < 0) strerr_diefusys(111, "chdir to /");
    run(p, fd);
  }
  return fd;
}
