/* The table of replies, and their lines. */
#include <string.h>
#include "smtp/reply.h"

static struct {
  unsigned short code;
  char enhanced[7];
  char const *name, *text;
} const replies[REPLY_COUNT] = {
#define X(name, code, enhanced, text) [name] = { code, enhanced, #name, text },
  REPLIES(X)
#undef X
};

unsigned reply_code(enum reply r)
{
  return replies[r].code;
}

size_t reply_word(char out[REPLY_WORD], enum reply r)
{
  static char const upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_", lower[] = "abcdefghijklmnopqrstuvwxyz-";
  size_t n = 0;
  for (char const *s = replies[r].name + sizeof "REPLY_" - 1; *s && n < REPLY_WORD; s++) {
    char const *at = strchr(upper, *s);
    out[n++] = at ? lower[at - upper] : *s;
  }
  return n;
}

/* Appends what fits, keeping room for CRLF. */
static size_t put(char *out, size_t at, char const *s)
{
  size_t n = strlen(s), room = REPLY_LINE - 2 - at;
  if (n > room) n = room;
  memcpy(out + at, s, n);
  return at + n;
}

static size_t end(char *out, size_t at)
{
  memcpy(out + at, "\r\n", 2);
  return at + 2;
}

static size_t head(char *out, enum reply r, char const *enhanced)
{
  unsigned code = replies[r].code;
  out[0] = (char)('0' + code / 100);
  out[1] = (char)('0' + code / 10 % 10);
  out[2] = (char)('0' + code % 10);
  out[3] = ' ';
  if (!*enhanced) return 4;
  return put(out, put(out, 4, enhanced), " ");
}

size_t reply_fmt(char out[REPLY_LINE], enum reply r, char const *more)
{
  size_t at = put(out, head(out, r, replies[r].enhanced), replies[r].text);
  if (more) at = put(out, put(out, at, " "), more);
  return end(out, at);
}

/* Is it class.subject.detail, with the class of this reply, and then a space or the end? RFC 3463 2 */
static int has_enhanced(enum reply r, char const *s)
{
  if (s[0] != (char)('0' + replies[r].code / 100) || s[1] != '.') return 0;
  size_t subject = strspn(s + 2, "0123456789");
  if (subject < 1 || subject > 3 || s[2 + subject] != '.') return 0;
  size_t detail = strspn(s + 3 + subject, "0123456789");
  char next = s[3 + subject + detail];
  return detail >= 1 && detail <= 3 && (next == ' ' || !next);
}

size_t reply_fmt_own(char out[REPLY_LINE], enum reply r, char const *text)
{
  return end(out, put(out, head(out, r, has_enhanced(r, text) ? "" : replies[r].enhanced), text));
}
