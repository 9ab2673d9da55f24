/* Decimal numbers from outside: SIZE= (RFC 1870 3), BDAT (RFC 3030 2), ports, the limits. */
#ifndef PARSE_NUMBER_H
#define PARSE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum number_status {
  NUMBER_BAD = 0,  /* empty, or something else than digits: 501 5.5.4 */
  NUMBER_OK,
  NUMBER_BIG,      /* digits only, but more than max (however many digits) */
};

/* Reads all of s[0..n) as 1*DIGIT; leading zeros are allowed, signs are not. Sets *value on NUMBER_OK, and to max on
 * NUMBER_BIG. Any byte may occur. */
enum number_status number_scan(char const *s, size_t n, uint64_t max, uint64_t *value);

#define NUMBER_TEXT 21 /* bytes of the longest text with its NUL */

/* Writes v in decimal with a NUL. Returns its length without it. */
size_t number_fmt(char out[NUMBER_TEXT], uint64_t v);

#endif
