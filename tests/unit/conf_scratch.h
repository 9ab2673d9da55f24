/* A scratch directory for what relay-conf makes on a disk. */
#ifndef CONF_SCRATCH_H
#define CONF_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <skalibs/djbunix.h>
#include "conf/make.h"

/* Its path, and paths below it: of two calls both are good at once. */
static char scratch[64];
static char const *below(char const *name)
{
  static char path[2][128];
  static int i;
  i = !i;
  snprintf(path[i], sizeof path[i], "%s/%s", scratch, name);
  return path[i];
}

static int enter(void **state)
{
  (void)state;
  strcpy(scratch, "/tmp/posthouse-conf-XXXXXX");
  return mkdtemp(scratch) ? 0 : -1;
}

static int leave(void **state)
{
  (void)state;
  stralloc_free(&conf_at);
  return rm_rf(scratch);
}

#endif
