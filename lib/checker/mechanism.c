/* Names of mechanisms. */
#include <string.h>
#include <strings.h>
#include "checker/mechanism.h"

char const *checker_name(enum checker_mechanism m)
{
  static char const *const names[] = {
#define X(mechanism, name) name,
    CHECKER_MECHANISMS(X)
#undef X
  };
  return m >= 0 && m < CHECKER_COUNT ? names[m] : 0;
}

enum checker_mechanism checker_find(char const *s, size_t n)
{
  int m = 0;
  while (m < CHECKER_COUNT) {
    char const *name = checker_name((enum checker_mechanism)m);
    if (strlen(name) == n && !strncasecmp(name, s, n)) break;
    m++;
  }
  return (enum checker_mechanism)m;
}
