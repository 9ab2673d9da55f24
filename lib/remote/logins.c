/* Logins on relay-remote's connections. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <skalibs/stralloc.h>
#include "remote/logins.h"

void remote_logins(struct remote *rm, char const *path, char const *rules, int memory)
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
  refusals_start(&rm->refusals, memory, path);
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

/* It failed, or is known to: `why` goes behind the relay's name. Returns 0. */
static int failed(struct remote *rm, char const *name, char const *why, int for_good)
{
  rm->login_failed = 1;
  if (for_good) targets_end(&rm->targets);
  failure_note(&rm->targets.failure, 'Z', name, why, 0);
  return 0;
}

/* It was refused, and is not tried again for so many seconds. */
static int too_early(struct remote *rm, char const *name, unsigned left)
{
  char why[LOGIN_WHY];
  snprintf(why, sizeof why, " refused our login as %s (logins:%u) a while ago; it is not tried again within %u seconds "
    "(#4.7.8)", rm->login->user, rm->login->line, left);
  return failed(rm, name, why, 1);
}

int logins_wait(struct remote *rm)
{
  unsigned left = rm->login ? refusals_left(&rm->refusals, &rm->route, rm->login) : 0;
  return left && !too_early(rm, rm->route.host, left);
}

int logins_use(struct remote *rm)
{
  static enum refusals_fate const fates[] = {
    [LOGIN_DONE] = REFUSALS_WORKED, [LOGIN_NEXT] = REFUSALS_OPEN, [LOGIN_NEVER] = REFUSALS_REFUSED,
  };
  char why[LOGIN_WHY];
  struct client *c = &rm->client;
  struct login const *l = rm->login;
  rm->logged_in = l ? l->line : 0;
  if (!l) return 1;
  unsigned left = refusals_begin(&rm->refusals, &rm->route, l, client_until(c, REFUSALS_TRY));
  if (left) return client_quit(c), too_early(rm, c->name, left);
  enum logged_in r = login_run(c, l, why);
  refusals_note(&rm->refusals, &rm->route, l, fates[r]);
  return r == LOGIN_DONE || failed(rm, c->name, why, r == LOGIN_NEVER);
}
