/* The walk over the directory that removes what has expired, beside those who write and read there. */
#ifndef STAMP_SWEEP_H
#define STAMP_SWEEP_H

#include "stamp/store.h"

#define SWEEP_ASIDE 3600 /* seconds after which a file on its way has been left by a program that died */

struct sweep {
  int64_t seconds;    /* stamps older than this go */
  struct clocks (*clocks)(void); /* stamp_clocks; asked again for each file, since a walk may last for minutes */
  /* Told of each file that is no stamp and stays, with what it is instead, and of each that could not be removed, with
   * the error. The name may hold any byte but `/`; both strings are gone afterwards. */
  void (*strange)(void *arg, char const *name, char const *what);
  void *arg;
  uint64_t removed, kept, ignored, failed; /* how many; starts at 0 */
};

/* Goes through dir once. Takes the same little memory for any number of files. Returns 0 when it got to the end (see
 * `failed`), or -1 with errno. */
int stamp_sweep(struct sweep *s, int dir);

#endif
