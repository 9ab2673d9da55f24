/* The process that waits for one connection's TLS. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include "ucspi/wait.h"

static int readable(char const *dir, char const *name, char const *file)
{
  char path[4096];
  int n = snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
  return n > 0 && (size_t)n < sizeof path && access(path, R_OK) == 0;
}

int wait_has_certificate(char const *dir)
{
  DIR *d = opendir(dir);
  int found = 0;
  if (!d) return 0;
  for (struct dirent *e; !found && (e = readdir(d)); ) {
    found = e->d_name[0] != '.' && readable(dir, e->d_name, "cert.pem") && readable(dir, e->d_name, "key.pem");
  }
  closedir(d);
  return found;
}

/* Moves four descriptors to the numbers that they shall have, whatever numbers they have now, and closes all others. */
static int arrange(int control, struct ucspi_fds const *fds)
{
  int list[] = { fds->in, fds->out, -1, control, fds->plain };
  int const n = sizeof list / sizeof *list;
  for (int i = 0; i < n; i++) {
    if (i == 2) continue;
    list[i] = fcntl(list[i], F_DUPFD_CLOEXEC, n);
    if (list[i] < 0) return -1;
  }
  for (int i = 0; i < n; i++) if (i != 2 && dup2(list[i], i) < 0) return -1;
  for (int i = 0; i < n; i++) if (i != 2) close(list[i]);
  ucspi_close_from(n);
  return 0;
}

static void run(int control, struct ucspi_fds const *fds, char const *const *argv)
{
  char c;
  ssize_t r;
  if (arrange(control, fds) < 0) strerr_diefusys(111, "arrange descriptors");
  do r = recv(WAIT_CONTROL, &c, 1, MSG_PEEK); while (r < 0 && errno == EINTR);
  if (r <= 0 || (c != 'y' && c != 'Y')) _exit(0);
  execv(argv[0], (char *const *)argv);
  strerr_diefusys(111, "run ", argv[0]);
}

int wait_start(int control, struct ucspi_fds const *fds, char const *const *argv)
{
  pid_t pid = fork();
  int status;
  if (pid < 0) return -1;
  if (!pid) {
    pid = fork(); /* the programs behind us may wait for children of their own and must not meet this one */
    if (pid) _exit(pid < 0);
    run(control, fds, argv);
  }
  while (waitpid(pid, &status, 0) < 0) if (errno != EINTR) return -1;
  return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : (errno = EAGAIN, -1);
}
