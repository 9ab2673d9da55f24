/* The header scanner: the same however it is cut; hops and start as a plain reading, line by line, counts them. */
#include <strings.h>
#include "fuzz.h"
#include "parse/header.h"

static void feed(struct header *h, char const *s, size_t n, unsigned cuts)
{
  header_init(h);
  for (size_t at = 0; at < n; ) {
    size_t piece = cuts ? 1 + (cuts >> at % 7 & 7) : n;
    if (piece > n - at) piece = n - at;
    char *buf = fuzz_copy(s + at, piece);
    header_feed(h, buf, piece);
    free(buf);
    at += piece;
    MUST(h->start != HEADER_UNKNOWN || at <= HEADER_NAME);
  }
}

/* Bytes of a field's name at the beginning of a line; 0: no field */
static size_t name(char const *s, size_t n)
{
  size_t len = 0, gap;
  while (len < n && s[len] > ' ' && s[len] < 0x7f && s[len] != ':') len++;
  for (gap = 0; len + gap < n && (s[len + gap] == ' ' || s[len + gap] == '\t'); gap++) ;
  return len && len + gap < n && s[len + gap] == ':' && len + gap <= HEADER_NAME ? len : 0;
}

static void plain(struct header *h, char const *s, size_t n)
{
  *h = (struct header){ .start = HEADER_MISSING };
  for (size_t i = 0, line; i < n; i += line) {
    char const *lf = memchr(s + i, '\n', n - i);
    line = lf ? (size_t)(lf - s) + 1 - i : n - i;
    size_t len = name(s + i, line);
    int folded = i && (s[i] == ' ' || s[i] == '\t');
    if (!len && !folded) {
      if (!i && s[i] == '\n') h->start = HEADER_EMPTY;
      return;
    }
    h->start = HEADER_FIELDS;
    if (len == 8 && !folded && !strncasecmp(s + i, "received", 8)) h->received++;
    for (size_t k = 0; k < line; k++) if ((unsigned char)s[i + k] >= 0x80) h->eightbit = 1;
  }
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  unsigned cuts = fuzz_byte(&data, &size);
  struct header whole, pieces, simple;
  feed(&whole, (char const *)data, size, 0);
  feed(&pieces, (char const *)data, size, cuts | 1);
  MUST(whole.ended == pieces.ended && whole.received == pieces.received && whole.eightbit == pieces.eightbit);
  MUST(whole.start == pieces.start);
  header_end(&whole);
  plain(&simple, (char const *)data, size);
  MUST(whole.start == simple.start && whole.received == simple.received && whole.eightbit == simple.eightbit);
  return 0;
}
