/* C escapes, by libowfat's textcode; the way back is stricter than libowfat's. */
#include <string.h>
#include <textcode.h>
#include "codec/escape.h"

/* What a log line must not hold and fmt_cescape2 alone would let through: separators, quotes, DEL. Bytes from 0x80 on
 * can't be told to it this way: where char is signed it finds none of them. */
static char const special[] = " \"=\x7f";

size_t codec_escape(char *out, char const *in, size_t len)
{
  size_t n = 0;
  for (size_t i = 0, run; i < len; i += run) {
    for (run = 0; i + run < len && (unsigned char)in[i + run] < 0x80; run++) ;
    if (run) {
      n += fmt_cescape2(out + n, in + i, run, special);
      continue;
    }
    unsigned char c = (unsigned char)in[i];
    out[n++] = '\\';
    out[n++] = 'x';
    out[n++] = "0123456789abcdef"[c >> 4];
    out[n++] = "0123456789abcdef"[c & 15];
    run = 1;
  }
  return n;
}

/* Two digits of \xHH. Returns the byte, or -1. */
static int hex(char const *s)
{
  static char const digits[] = "0123456789abcdef";
  char const *high = s[0] ? strchr(digits, s[0]) : 0, *low = s[1] ? strchr(digits, s[1]) : 0;
  return high && low ? (int)(high - digits) << 4 | (int)(low - digits) : -1;
}

int codec_unescape(char *out, size_t *n, char const *in, size_t len)
{
  static char const names[] = "abefnrtv\\", values[] = "\a\b\033\f\n\r\t\v\\";
  *n = 0;
  for (size_t i = 0; i < len; i++) {
    if (in[i] != '\\') {
      if (in[i] <= ' ' || in[i] == '"' || in[i] == '=' || in[i] == 0x7f || (unsigned char)in[i] >= 0x80) return 0;
      out[(*n)++] = in[i];
    } else if (len - i > 3 && in[i + 1] == 'x') {
      int byte = hex(in + i + 2);
      if (byte < 0) return 0;
      out[(*n)++] = (char)byte;
      i += 3;
    } else {
      char const *name = len - i > 1 && in[i + 1] ? strchr(names, in[i + 1]) : 0;
      if (!name) return 0;
      out[(*n)++] = values[name - names];
      i++;
    }
  }
  return 1;
}
