/* Decimal numbers from outside. */
#include "parse/number.h"

enum number_status number_scan(char const *s, size_t n, uint64_t max, uint64_t *value)
{
  uint64_t v = 0;
  int big = 0;
  if (!n) return NUMBER_BAD;
  for (size_t i = 0; i < n; i++) {
    if (s[i] < '0' || s[i] > '9') return NUMBER_BAD;
    uint64_t digit = (uint64_t)(s[i] - '0');
    if (digit > max || v > (max - digit) / 10) big = 1;
    if (!big) v = 10 * v + digit;
  }
  *value = big ? max : v;
  return big ? NUMBER_BIG : NUMBER_OK;
}

size_t number_fmt(char out[NUMBER_TEXT], uint64_t v)
{
  size_t n = 1, len;
  for (uint64_t rest = v; rest >= 10; rest /= 10) n++;
  len = n;
  out[n] = 0;
  do out[--n] = (char)('0' + v % 10); while (v /= 10);
  return len;
}
