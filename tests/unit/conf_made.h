/* What relay-conf's command lines make: a text, without a disk. */
#ifndef CONF_MADE_H
#define CONF_MADE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "conf/templates.h"
#include "conf/values.h"

#define MOST 16 /* words of a command line, with the null */

/* The text of one file of what `argv` makes; the caller frees it. */
static char *made(struct conf_file const *files, char const *name, char const *const *argv,
  struct conf_accounts const *a)
{
  static struct conf_values const none;
  struct conf_values v = none;
  struct conf_options o;
  char problem[CONF_PROBLEM], *text = 0;
  stralloc sa = STRALLOC_ZERO;
  assert_null(conf_options(&o, argv, "/cwd", problem));
  assert_true(conf_values(&v, &o, a));
  for (; files->name; files++) {
    if (!files->text) continue;
    sa.len = 0;
    if (!conf_expand(&sa, files->text, v.v, files->quote)) fail_msg("%s: %s", files->name, strerror(errno));
    if (!strcmp(files->name, name)) text = strndup(sa.s, sa.len);
  }
  stralloc_free(&sa);
  conf_values_free(&v);
  conf_options_free(&o);
  assert_non_null(text);
  return text;
}

static struct conf_accounts const apart = {
  { "in", 1, 11 }, { "queue", 2, 12 }, { "remote", 3, 13 }, { "log", 4, 14 }, { "keys", 5, 15 }, { "root", 0, 0 },
  { "sync", 6, 16 }, { "pop", 0, 17 },
};
static struct conf_accounts const alone = { .one = { "me", 1000, 1001 } };

#endif
