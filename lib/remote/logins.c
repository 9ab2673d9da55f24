/* Logins on relay-remote's connections. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <skalibs/stralloc.h>
#include "remote/logins.h"

void remote_logins(struct remote *rm, char const *path, char const *rules)
{
  stralloc beside = STRALLOC_ZERO;
  char const *slash = strrchr(rules, '/');
  size_t n = slash ? (size_t)(slash + 1 - rules) : 0;
  if (!path && stralloc_catb(&beside, rules, n) && stralloc_cats(&beside, "logins.cdb") && stralloc_0(&beside)) {
    path = beside.s;
  }
  rm->logins = path ? table_open_logins(path) : 0;
  if (rm->logins) prctl(PR_SET_DUMPABLE, 0); /* no core file has a password, and nobody of our user looks at us */
  rm->logins_error = rm->logins || (beside.len && errno == ENOENT) ? 0 : path ? errno : ENOMEM;
  stralloc_free(&beside);
}

char const *logins_for(struct remote *rm, char const *sender, struct login *l)
{
  int found = rm->logins_error && rm->logins_error != EACCES ? -1 : logins_find(rm->logins, &rm->route, sender, l);
  if (!rm->route.named) found = 0;
  rm->login = found > 0 ? l : 0;
  if (found < 0 && rm->logins_error == ENOENT) return "there is no such file of logins as -l names (#4.3.5)";
  if (found < 0) return "our logins can't be read (#4.3.5)";
  if (rm->client.fd >= 0 && rm->logged_in != (rm->login ? l->line : 0)) client_quit(&rm->client);
  return 0;
}

void logins_forget(struct remote *rm, struct login *l)
{
  rm->login = 0;
  explicit_bzero(l, sizeof *l);
}

int logins_hidden(struct remote const *rm)
{
  return rm->logins_error == EACCES && rm->route.named && (rm->client.offers & CLIENT_AUTH);
}

int logins_use(struct remote *rm)
{
  char why[LOGIN_WHY];
  rm->logged_in = rm->login ? rm->login->line : 0;
  if (!rm->login) return 1;
  enum logged_in r = login_run(&rm->client, rm->login, why);
  if (r == LOGIN_DONE) return 1;
  rm->login_failed = 1;
  if (r == LOGIN_NEVER) targets_end(&rm->targets);
  failure_note(&rm->targets.failure, 'Z', rm->client.name, why, 0);
  return 0;
}
