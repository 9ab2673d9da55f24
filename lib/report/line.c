/* Pieces of lines. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "parse/utf8.h"
#include "report/line.h"

static int line(stralloc *sa, char const *s, size_t most, int utf8)
{
  size_t len = strnlen(s, most), used;
  uint32_t u;
  if (!stralloc_readyplus(sa, len)) return 0;
  for (size_t i = 0; i < len; i += used) {
    unsigned char c = (unsigned char)s[i];
    used = c >= 0x80 && utf8 ? utf8_next(&u, s + i, len - i) : 0;
    if (used && u >= 0xa0) {
      memcpy(sa->s + sa->len, s + i, used);
      sa->len += used;
      continue;
    }
    used = 1;
    sa->s[sa->len++] = c == '\n' || c == '\t' ? ' ' : c < ' ' || c > '~' ? '?' : (char)c;
  }
  return 1;
}

int line_ascii(stralloc *sa, char const *s, size_t most)
{
  return line(sa, s, most, 0);
}

int line_utf8(stralloc *sa, char const *s, size_t most)
{
  return line(sa, s, most, 1);
}

int line_date(stralloc *sa, int64_t when)
{
  static char const days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char text[80];
  time_t t = (time_t)when;
  struct tm tm;
  if (!gmtime_r(&t, &tm)) return stralloc_cats(sa, "Thu, 1 Jan 1970 00:00:00 +0000");
  snprintf(text, sizeof text, "%.3s, %d %.3s %d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday, tm.tm_mday,
    months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
  return stralloc_cats(sa, text);
}
