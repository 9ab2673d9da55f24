/* The text of a message: the same however it is cut; the end is where memmem finds CRLF.CRLF (or, if the client
 * speaks LF, a line of one dot); a clean text is what a plain reading of RFC 5321 4.5.2 makes of it. */
#include "fuzz.h"
#include "parse/eod.h"

/* Feeds everything in pieces whose lengths come from `cuts`; 0: whole. Returns the text's length. */
static size_t feed(struct eod *e, unsigned mode, char *out, char const *in, size_t n, unsigned cuts, size_t *used)
{
  size_t len = 0, at = 0;
  eod_init(e, mode, 20);
  while (at < n && !e->ended) {
    size_t piece = cuts ? 1 + (cuts >> at % 7 & 7) : n, took;
    if (piece > n - at) piece = n - at;
    char *buf = fuzz_copy(in + at, piece);
    size_t got = eod_feed(e, buf, piece, &took);
    MUST(got <= took && took <= piece && (took == piece || e->ended));
    MUST(!memcmp(buf + took, in + at + took, piece - took));
    memcpy(out + len, buf, got);
    len += got;
    at += took;
    free(buf);
  }
  *used = at;
  return len;
}

/* Where the end of DATA begins, at the LF before its dot, and in *behind where it ends; s begins with the line end of
 * the DATA command. Null: there is none. */
static char const *find_end(char const *s, size_t n, unsigned mode, char const **behind)
{
  char const *crlf = memmem(s, n, "\r\n.\r\n", 5);
  if (mode & EOD_BDAT) return 0;
  if (!(mode & EOD_LF_LINES)) {
    *behind = crlf ? crlf + 5 : 0;
    return crlf ? crlf + 1 : 0;
  }
  char const *a = memmem(s, n, "\n.\n", 3), *b = memmem(s, n, "\n.\r\n", 4);
  if (a && (!b || a < b)) return *behind = a + 3, a;
  if (b) *behind = b + 4;
  return b;
}

/* The plain reading of a text without faults: s[0..n) consists of lines with their ends, the last perhaps without. */
static size_t plain(char *out, char const *s, size_t n, int dots)
{
  size_t len = 0;
  for (size_t i = 0, start = 1; i < n; i++) {
    if (start && s[i] == '.' && dots) {
      start = 0;
      continue;
    }
    if (s[i] != '\r') out[len++] = s[i];
    start = s[i] == '\n';
  }
  return len;
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  unsigned mode = fuzz_byte(&data, &size) & 7, cuts = fuzz_byte(&data, &size);
  struct eod whole, pieces;
  size_t used, used_too;
  char *in = malloc(size + 2), *a = malloc(size + 1), *b = malloc(size + 1);
  memcpy(in, "\r\n", 2);
  if (size) memcpy(in + 2, data, size);
  size_t len = feed(&whole, mode, a, in + 2, size, 0, &used);
  size_t len_too = feed(&pieces, mode, b, in + 2, size, cuts | 1, &used_too);
  MUST(len == len_too && used == used_too && !memcmp(a, b, len));
  MUST(whole.faults == pieces.faults && whole.ended == pieces.ended && whole.size == pieces.size);
  MUST(whole.text == len && pieces.text == len && whole.eightbit == pieces.eightbit && whole.state == pieces.state);
  char const *behind = 0, *end = find_end(in, size + 2, mode, &behind);
  MUST(whole.ended == !!end);
  MUST(used == (end ? (size_t)(behind - in) - 2 : size));
  MUST(!(whole.faults & EOD_BARE_LF && mode & (EOD_LF_OK | EOD_LF_LINES)));
  if (!(whole.faults & ~EOD_LONG)) {
    size_t text = end ? (size_t)(end + 1 - in) - 2 : used;
    MUST(len == plain(b, in + 2, text, !(mode & EOD_BDAT)) && !memcmp(a, b, len));
  }
  if (!(whole.faults & EOD_NUL)) MUST(!memchr(a, 0, len));
  MUST(!memchr(a, '\r', len));
  if (mode & EOD_BDAT) {
    int last = len && a[len - 1] != '\n';
    MUST(eod_last(&whole) == last || whole.faults & EOD_BARE_CR);
    MUST(!eod_last(&whole) && eod_last(&pieces) + len == whole.text);
  }
  free(in);
  free(a);
  free(b);
  return 0;
}
