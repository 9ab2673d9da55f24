/* UTF-8, read strictly. */
#include "parse/utf8.h"

size_t utf8_next(uint32_t *c, char const *s, size_t n)
{
  unsigned char const *u = (unsigned char const *)s;
  if (!n) return 0;
  if (u[0] < 0x80) {
    *c = u[0];
    return 1;
  }
  size_t len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
  if (u[0] < 0xc2 || u[0] > 0xf4 || len > n) return 0;
  uint32_t v = u[0] & (0x7fU >> len);
  for (size_t i = 1; i < len; i++) {
    if ((u[i] & 0xc0) != 0x80) return 0;
    v = v << 6 | (u[i] & 0x3f);
  }
  static uint32_t const least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
  if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff)) return 0;
  *c = v;
  return len;
}

int utf8_valid(char const *s, size_t n)
{
  uint32_t c;
  for (size_t i = 0, len; i < n; i += len) {
    len = utf8_next(&c, s + i, n - i);
    if (!len) return 0;
  }
  return 1;
}
