/* Printable ASCII. */
#include "base/printable.h"

int printable_put(stralloc *out, char const *s, size_t n)
{
  static char const hex[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    unsigned char ch = (unsigned char)s[i];
    char escaped[4] = { '\\', 'x', hex[ch >> 4], hex[ch & 15] };
    int plain = ch >= 0x20 && ch < 0x7f;
    if (!stralloc_catb(out, plain ? s + i : escaped, plain ? 1 : 4)) return 0;
  }
  return 1;
}
