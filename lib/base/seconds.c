/* Seconds of a command line. */
#include <skalibs/strerr.h>
#include <skalibs/types.h>
#include "base/seconds.h"

unsigned seconds_option(char const *s)
{
  unsigned n;
  if (!uint0_scan(s, &n) || !n || n > 86400) strerr_dief(100, "not a number of seconds from 1 to 86400: ", s);
  return n;
}
