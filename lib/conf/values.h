/* From the options and accounts to the values that the templates name. */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H

#include <sys/types.h>
#include <skalibs/stralloc.h>
#include "conf/options.h"
#include "conf/template.h"

struct conf_account {
  char const *name; /* null: none, everything runs as one user */
  uid_t uid;
  gid_t gid;
};

struct conf_accounts {
  struct conf_account user, queue, remote, log, tls;
  struct conf_account one; /* who runs us: the one user, when there are no accounts */
  struct conf_account sync;
  struct conf_account stamps; /* a group alone */
};

#define CONF_VALUES 53
struct conf_values {
  struct conf_value v[CONF_VALUES + 1]; /* ends with a null name */
  stralloc text[CONF_VALUES];           /* what v's values point to */
  unsigned n;
};

/* Fills x (zeroed). Returns 1, or 0 without memory; free it in any case. */
int conf_values(struct conf_values *x, struct conf_options const *o, struct conf_accounts const *a);
void conf_values_free(struct conf_values *x);

#endif
