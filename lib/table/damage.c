/* SIGBUS: only what is async-signal-safe (POSIX 2.4.3 in XSH) may be called from the handler. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include "table/damage.h"

#define PATIENCE 1000 /* milliseconds for each line to leave */

static char const *last_reply;

static void say(int fd, char const *s, size_t n)
{
  struct pollfd p = { .fd = fd, .events = POLLOUT };
  if (poll(&p, 1, PATIENCE) <= 0) return;
  ssize_t ignored = write(fd, s, n);
  (void)ignored;
}

static void damaged(int sig)
{
  static char const event[] = ": event=failed why=damaged-rules\n";
  char line[64];
  struct stat in, err;
  size_t n = strlen(PROG);
  (void)sig;
  if (last_reply) {
    say(1, last_reply, strlen(last_reply));
    shutdown(1, SHUT_WR); /* others may have the connection, too */
  }
  int to_client = fstat(0, &in) == 0 && fstat(2, &err) == 0 && S_ISSOCK(err.st_mode) && in.st_dev == err.st_dev &&
    in.st_ino == err.st_ino;
  if (!to_client && n <= sizeof line - sizeof event) {
    memcpy(line, PROG, n);
    memcpy(line + n, event, sizeof event - 1);
    say(2, line, n + sizeof event - 1);
  }
  _exit(111);
}

/* The mask is full so that nothing else runs meanwhile; a second SIGBUS, in the handler, kills. */
int table_on_damage(char const *reply)
{
  struct sigaction sa = { .sa_handler = &damaged, .sa_flags = (int)SA_RESETHAND };
  last_reply = reply;
  sigfillset(&sa.sa_mask);
  return sigaction(SIGBUS, &sa, 0);
}
