/* Domain names in canonical form. */
#include <stdint.h>
#include <string.h>
#include "parse/domain.h"
#include "parse/utf8.h"

#define LABEL 63     /* bytes of a label; RFC 1035 2.3.4 */
#define NAME 253     /* bytes of a name in text without trailing dot */
#define INPUT 1024   /* bytes of the longest input: 253 characters of 4 bytes, dots */

/* RFC 3492 5 */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };

/* Characters that RFC 5892 disallows and that somebody else may read as a dot, as ASCII, as a space or as nothing. */
static struct { uint32_t first, last; } const refused[] = {
  { 0x80, 0xb6 }, { 0xb8, 0xbf },   /* controls, no-break space, soft hyphen, signs; the middle dot is Catalan's */
  { 0xd7, 0xd7 }, { 0xf7, 0xf7 },   /* multiplication and division signs */
  { 0x034f, 0x034f }, { 0x115f, 0x1160 }, { 0x1680, 0x1680 }, { 0x180b, 0x180e }, /* fillers and spaces */
  { 0x2000, 0x200b }, { 0x200e, 0x206f }, /* spaces and marks; U+200C and U+200D are letters' joiners */
  { 0x2100, 0x214f }, { 0x2460, 0x24ff }, /* letter-like and enclosed characters */
  { 0x3000, 0x3004 }, { 0x3164, 0x3164 }, /* ideographic space and full stop */
  { 0xd800, 0xf8ff }, { 0xfe00, 0xfe0f }, { 0xfe10, 0xfe19 }, { 0xfe30, 0xfe6f }, /* private, variants, small forms */
  { 0xfeff, 0xffff }, /* no-break, full-width forms */
  { 0x1d400, 0x1d7ff }, { 0x1f100, 0x1f1ff }, /* mathematical and enclosed letters */
  { 0xe0000, 0x10ffff }, /* tags, private */
};

/* Small letters for capitals, ASCII and the alphabets in use for domains (RFC 5895 2.1). */
static uint32_t lower(uint32_t c)
{
  if (c >= 'A' && c <= 'Z') return c + 32;
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;
  if (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) return c + 32;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if (c >= 0x100 && c <= 0x17e && c != 0x130 && c != 0x138 && c != 0x149 && c != 0x178) {
    /* Latin Extended-A comes in pairs, which begin at odd places from U+0139 to U+0148 and from U+0179 on */
    uint32_t odd = (c >= 0x139 && c <= 0x148) || c >= 0x179;
    return (c & 1) == odd ? c + 1 : c;
  }
  return c;
}

static int allowed(uint32_t c)
{
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (c >= refused[i].first && c <= refused[i].last) return 0;
  return 1;
}

/* RFC 3492 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, int first)
{
  uint32_t k = 0;
  delta = first ? delta / DAMP : delta / 2;
  for (delta += delta / points; delta > (BASE - TMIN) * TMAX / 2; k += BASE) delta /= BASE - TMIN;
  return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* RFC 3492 6.3 for at most 63 characters, so that no delta overflows. Returns the bytes written, or 0: more than
 * room. */
static size_t punycode(char *out, size_t room, uint32_t const *c, size_t n)
{
  uint32_t next = INITIAL_N, delta = 0, bias = INITIAL_BIAS;
  size_t len = 0, basic;
  for (size_t i = 0; i < n; i++)
    if (c[i] < 0x80) {
      if (len == room) return 0;
      out[len++] = (char)c[i];
    }
  basic = len;
  if (basic) {
    if (len == room) return 0;
    out[len++] = '-';
  }
  for (size_t done = basic; done < n; delta++, next++) {
    uint32_t m = UINT32_MAX;
    for (size_t i = 0; i < n; i++)
      if (c[i] >= next && c[i] < m) m = c[i];
    delta += (m - next) * (uint32_t)(done + 1);
    next = m;
    for (size_t i = 0; i < n; i++) {
      if (c[i] < next) delta++;
      if (c[i] != next) continue;
      uint32_t q = delta;
      for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
        uint32_t digit = q < t ? q : t + (q - t) % (BASE - t);
        if (len == room) return 0;
        out[len++] = "abcdefghijklmnopqrstuvwxyz0123456789"[digit];
        if (q < t) break;
        q = (q - t) / (BASE - t);
      }
      bias = adapt(delta, (uint32_t)done + 1, done == basic);
      delta = 0;
      done++;
    }
  }
  return len;
}

/* One label of characters, lower case, to out. Returns its bytes, or 0. */
static size_t label(char *out, size_t room, uint32_t const *c, size_t n)
{
  int ascii = 1;
  if (!n || c[0] == '-' || c[n - 1] == '-') return 0;
  for (size_t i = 0; i < n; i++)
    if (c[i] >= 0x80) ascii = 0;
  if (room > LABEL) room = LABEL;
  if (ascii) {
    if (n > room) return 0;
    for (size_t i = 0; i < n; i++) out[i] = (char)c[i];
    return n;
  }
  /* No U-label has hyphens in its third and fourth place (RFC 5891 4.2.3.1): `xn--` twice would be ambiguous. */
  if (room < 4 || (n >= 4 && c[2] == '-' && c[3] == '-')) return 0;
  memcpy(out, "xn--", 4);
  size_t len = punycode(out + 4, room - 4, c, n);
  return len ? len + 4 : 0;
}

/* Does a last label make the name look like an address to somebody? */
static int numeric(char const *s)
{
  int hex = s[0] == '0' && s[1] == 'x';
  return !(hex ? s[2 + strspn(s + 2, "0123456789abcdef")] : s[strspn(s, "0123456789")]);
}

size_t domain_canon(char out[DOMAIN_TEXT], char const *s, size_t n)
{
  uint32_t c[LABEL];
  size_t len = 0, last = 0, points = 0, pos = 0;
  if (n && s[n - 1] == '.') n--;
  if (!n || n > INPUT) return 0;
  for (;;) {
    if (pos == n || s[pos] == '.') {
      size_t got = label(out + len, NAME - len, c, points);
      if (!got) return 0;
      last = len;
      len += got;
      if (pos == n) break;
      if (len >= NAME) return 0;
      out[len++] = '.';
      points = 0;
      pos++;
      continue;
    }
    if (points == LABEL) return 0;
    size_t used = utf8_next(&c[points], s + pos, n - pos);
    if (!used) return 0;
    c[points] = lower(c[points]);
    if (!allowed(c[points])) return 0;
    points++;
    pos += used;
  }
  out[len] = 0;
  return numeric(out + last) ? 0 : len;
}

char const *domain_wider(char const *name)
{
  if (!*name) return 0;
  char const *dot = *name == '[' ? 0 : strchr(name + 1, '.');
  return dot ? dot : "";
}
