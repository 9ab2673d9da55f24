/* The limits: from the rules, or their defaults. */
#include <string.h>
#include "parse/number.h"
#include "policy/limits.h"

static struct { char const *name; uint32_t def, least, most; } const limits[LIMIT_COUNT] = {
#define X(c, name, def, least, most, unit) { name, def, least, most },
  LIMITS(X)
#undef X
};

uint32_t limit_get(struct table_set const *t, enum limit which)
{
  struct record r;
  uint64_t value;
  char const *name = limits[which].name;
  if (!t || table_find(t, TABLE_LIMITS, name, strlen(name), &r) <= 0) return limits[which].def;
  if (number_scan(r.data, r.len, limits[which].most, &value) != NUMBER_OK || value < limits[which].least)
    return limits[which].def;
  return (uint32_t)value;
}
