/* The secret of a users.cdb, from one to the next. */
#include <string.h>
#include <sys/random.h>

#include "users/users.h"

int users_secret(char const *path, char secret[USERS_SECRET])
{
  struct users_about a;
  struct table_set *t = table_open_users(path);
  int known = t && users_about(t, &a) == 0;
  table_close(t);
  if (known) memcpy(secret, a.secret, USERS_SECRET);
  return known || getrandom(secret, USERS_SECRET, 0) == USERS_SECRET ? 0 : -1;
}
