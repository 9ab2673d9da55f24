/* Goes through all records of a table that was made of the input. */
#ifndef TESTS_FUZZ_TABLE_H
#define TESTS_FUZZ_TABLE_H

#include "fuzz.h"
#include "table/table.h"

typedef void fuzz_record_fn(struct table_set const *t, enum table which, char const *key, size_t n,
                            struct record const *r);

static inline void fuzz_records(struct table_set const *t, fuzz_record_fn *check)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record r;
  int more;
  while ((more = table_next(t, &pos, &which, &key, &n, &r)) > 0) check(t, which, key, n, &r);
  MUST(!more);
}

#endif
