/* posix_spawn with what all our programs need of it. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/spawn.h"

extern char **environ;

static int add_fds(posix_spawn_file_actions_t *actions, struct spawn const *s)
{
  int e = 0;
  for (size_t i = 0; i < s->fds_n && !e; i++) {
    int its = s->fds[i].its;
    e = s->fds[i].ours >= 0 ? posix_spawn_file_actions_adddup2(actions, s->fds[i].ours, its)
      : posix_spawn_file_actions_addopen(actions, its, "/dev/null", its ? O_WRONLY : O_RDONLY, 0);
  }
  return e;
}

static int add_attributes(posix_spawnattr_t *attr, struct spawn const *s)
{
  int const flags = POSIX_SPAWN_SETSIGDEF | (s->group ? POSIX_SPAWN_SETPGROUP : 0);
  sigset_t normal;
  sigemptyset(&normal);
  sigaddset(&normal, SIGPIPE);
  int e = posix_spawnattr_setsigdefault(attr, &normal);
  if (!e) e = posix_spawnattr_setpgroup(attr, 0); /* counts with its flag alone */
  return e ? e : posix_spawnattr_setflags(attr, (short)flags);
}

int spawn_start(pid_t *pid, struct spawn const *s)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  char *const *argv = (char *const *)s->argv, *const *envp = s->envp ? s->envp : environ;
  int e = posix_spawn_file_actions_init(&actions);
  if (e) return e;
  if ((e = posix_spawnattr_init(&attr))) goto actions;
  if ((e = add_attributes(&attr, s)) || (e = add_fds(&actions, s))) goto attr;
  e = (s->search ? posix_spawnp : posix_spawn)(pid, argv[0], &actions, &attr, argv, envp);
attr:
  posix_spawnattr_destroy(&attr);
actions:
  posix_spawn_file_actions_destroy(&actions);
  return e;
}

static int is_variable(char const *s, char const *name)
{
  size_t n = strlen(name);
  return !strncmp(s, name, n) && s[n] == '=';
}

char **spawn_environment(char const *const *without, size_t n, char *const *with, size_t m)
{
  size_t have = 0;
  while (environ && environ[have]) have++;
  char **e = malloc((have + m + 1) * sizeof *e), **out = e;
  if (!e) return 0;
  for (size_t i = 0; i < have; i++) {
    size_t k = 0;
    while (k < n && !is_variable(environ[i], without[k])) k++;
    if (k == n && !is_variable(environ[i], "RELAYRULESFD")) *out++ = environ[i];
  }
  for (size_t i = 0; i < m; i++) if (with[i]) *out++ = with[i];
  *out = 0;
  return e;
}
