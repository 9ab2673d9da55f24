/* UTF-8, read strictly (RFC 3629). */
#ifndef PARSE_UTF8_H
#define PARSE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The character at s[0..n): sets *c and returns its bytes, 1 to 4; 0 when there is none: the end, a byte out of
 * place, an overlong form, a surrogate, more than U+10FFFF. NUL and controls are characters here. */
size_t utf8_next(uint32_t *c, char const *s, size_t n);

/* Is all of s[0..n) valid? */
int utf8_valid(char const *s, size_t n);

#endif
