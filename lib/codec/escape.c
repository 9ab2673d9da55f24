/* C escapes, by libowfat's textcode. */
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
