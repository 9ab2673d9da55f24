/* Base64, by libowfat's textcode; the way back is stricter than libowfat's. */
#include <string.h>
#include <textcode.h>
#include "codec/base64.h"

size_t codec_base64(char *out, char const *in, size_t len)
{
  return fmt_base64(out, in, len);
}

/* The value of a digit, or -1. */
static int digit(char c)
{
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int codec_unbase64(char *out, size_t *n, char const *in, size_t len)
{
  size_t digits = len, bytes;
  *n = 0;
  if (len % 4) return 0;
  while (digits && in[digits - 1] == '=' && len - digits < 2) digits--;
  for (size_t i = 0; i < digits; i++) if (digit(in[i]) < 0) return 0;
  if (digits % 4 == 3 && digit(in[digits - 1]) & 3) return 0;
  if (digits % 4 == 2 && digit(in[digits - 1]) & 15) return 0;
  for (size_t i = 0; i < digits; i += 4) { /* libowfat wants a NUL behind */
    char four[5] = { 0 }, three[4];
    memcpy(four, in + i, digits - i < 4 ? digits - i : 4);
    scan_base64(four, three, &bytes);
    memcpy(out + *n, three, bytes);
    *n += bytes;
    explicit_bzero(four, sizeof four);
    explicit_bzero(three, sizeof three);
  }
  return 1;
}
