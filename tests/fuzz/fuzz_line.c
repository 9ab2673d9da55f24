/* Command lines: the same however they arrive; a good line is exactly what stands between two CRLFs. Only with
 * lf_ok one can end with LF, and says so. */
#include "fuzz.h"
#include "parse/line.h"
#include "parse/number.h"

#define MAX 24

/* Runs through a buffer of MAX bytes, filled in pieces of at most `piece`. Appends a status byte for each line, for a
 * good one its text and an LF behind. Returns the length. */
static size_t run(char *out, char const *in, size_t n, size_t piece, int lf_ok)
{
  size_t have = 0, fed = 0, len = 0;
  char *buf = malloc(MAX);
  struct line l;
  line_init(&l, MAX, lf_ok);
  for (;;) {
    size_t used, text;
    enum line_status s = line_next(&l, buf, have, &used, &text);
    MUST(used <= have && text <= used && (s == LINE_OK || !text) && (s == LINE_MORE || used));
    if (s != LINE_MORE) out[len++] = (char)s;
    if (s == LINE_OK) {
      MUST(!memchr(buf, 0, text) && !memchr(buf, '\r', text) && !memchr(buf, '\n', text) && text < MAX);
      memcpy(out + len, buf, text);
      len += text;
      MUST(lf_ok || !l.by_lf);
      MUST(l.by_lf == (used == text + 1));
      out[len++] = '\n';
    }
    memmove(buf, buf + used, have - used);
    have -= used;
    if (s != LINE_MORE) continue;
    MUST(have < MAX);
    size_t more = n - fed < piece ? n - fed : piece;
    if (more > MAX - have) more = MAX - have;
    if (!more) break;
    memcpy(buf + have, in + fed, more);
    have += more;
    fed += more;
  }
  free(buf);
  return len;
}

/* What the lines are, told in another way: without lf_ok, from the end of one CRLF to the next. */
static size_t plain(char *out, char const *in, size_t n)
{
  size_t len = 0;
  for (size_t i = 0; i < n; ) {
    char const *end = memmem(in + i, n - i, "\r\n", 2);
    size_t stop = end ? (size_t)(end - in) : n, lfs = 0;
    for (size_t k = i; k < stop; k++)
      if (in[k] == '\n') {
        lfs++;
        out[len++] = LINE_BARE;
      }
    if (!end) break;
    size_t text = stop - i;
    if (lfs) out[len++] = LINE_BARE;
    else if (text > MAX - 2) out[len++] = LINE_LONG;
    else if (memchr(in + i, 0, text)) out[len++] = LINE_NUL;
    else if (memchr(in + i, '\r', text)) out[len++] = LINE_BARE;
    else {
      out[len++] = LINE_OK;
      memcpy(out + len, in + i, text);
      len += text;
      out[len++] = '\n';
    }
    i = stop + 2;
  }
  return len;
}

static void number(char const *s, size_t n)
{
  uint64_t v, w;
  char text[NUMBER_TEXT];
  enum number_status st = number_scan(s, n, UINT64_MAX, &v);
  MUST(number_scan(s, n, 1000, &w) == (st == NUMBER_OK && v > 1000 ? NUMBER_BIG : st));
  if (st != NUMBER_OK) return;
  size_t len = number_fmt(text, v);
  MUST(len < NUMBER_TEXT && len <= n && number_scan(text, len, v, &w) == NUMBER_OK && w == v);
  MUST(!v || number_scan(text, len, v - 1, &w) == NUMBER_BIG);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  int lf_ok = fuzz_byte(&data, &size) & 1;
  char *in = fuzz_copy(data, size), *a = malloc(2 * size + 2), *b = malloc(2 * size + 2);
  size_t len = run(a, in, size, MAX, lf_ok);
  for (size_t piece = 1; piece < 8; piece += 2) MUST(run(b, in, size, piece, lf_ok) == len && !memcmp(a, b, len));
  if (!lf_ok) MUST(plain(b, in, size) == len && !memcmp(a, b, len));
  number(in, size);
  free(in);
  free(a);
  free(b);
  return 0;
}
