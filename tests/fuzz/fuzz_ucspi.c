/* The answer to `Y`: whatever the pieces, the list holds well-formed SSL_ variables alone. */
#include <stdlib.h>
#include <string.h>
#include "ucspi/vars.h"

/* Reads all in pieces; the first byte of the input says how long they are. */
static int read_all(stralloc *list, char const *s, size_t len, size_t piece)
{
  struct ucspi_vars v = { .list = list };
  for (; len; s += piece, len -= piece) {
    if (piece > len) piece = len;
    int r = ucspi_vars_add(&v, s, piece);
    if (r < 0) return -1;
    if (v.seen > UCSPI_VARS) abort();
    if (r > 0) return len == piece ? 1 : -1;
  }
  return 0;
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  stralloc one = STRALLOC_ZERO, two = STRALLOC_ZERO;
  if (!size) return 0;
  char const *s = (char const *)data + 1;
  int a = read_all(&one, s, size - 1, size), b = read_all(&two, s, size - 1, (size_t)data[0] % 7 + 1);
  if (a != b) abort();
  if (a > 0) {
    if (one.len != two.len || (one.len && memcmp(one.s, two.s, one.len))) abort();
    for (size_t at = 0; at < one.len; at += strlen(one.s + at) + 1) {
      if (strncmp(one.s + at, "SSL_", 4) || !strchr(one.s + at, '=')) abort();
    }
    if (one.len && one.s[one.len - 1]) abort();
  }
  stralloc_free(&one);
  stralloc_free(&two);
  return 0;
}
