/* What the fuzzers share: a must that ends the run, copies of exactly as many bytes as there are. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

/* malloc'ed, so that a byte read behind it is seen. The caller frees. */
static inline char *fuzz_copy(void const *data, size_t size)
{
  char *s = malloc(size ? size : 1);
  MUST(s);
  if (size) memcpy(s, data, size);
  return s;
}

/* Takes a byte from the front of the input; 0 when there is none. */
static inline uint8_t fuzz_byte(uint8_t const **data, size_t *size)
{
  if (!*size) return 0;
  --*size;
  return *(*data)++;
}

#endif
