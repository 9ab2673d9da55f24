/* A queue of its own for a test: made below TMPDIR, entered, removed. */
#ifndef TESTS_QUEUE_DIR_H
#define TESTS_QUEUE_DIR_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char queue_dir[256];

static int queue_dir_make(void)
{
  char const *tmp = getenv("TMPDIR");
  snprintf(queue_dir, sizeof queue_dir, "%s/posthouse-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(queue_dir) || chdir(queue_dir) < 0 || mkdir("mess", 0700) < 0) return -1;
  for (unsigned i = 0; i < 64; i++) {
    char name[16];
    snprintf(name, sizeof name, "mess/%02x", i);
    if (mkdir(name, 0700) < 0) return -1;
  }
  return 0;
}

/* Also removes what stands in mess/XX, trigger and damaged. */
static int queue_dir_remove(void)
{
  char command[320];
  snprintf(command, sizeof command, "rm -rf '%s'", queue_dir);
  return chdir("/") < 0 || system(command) ? -1 : 0;
}

#endif
