/* Parameters: put together again with single spaces they are the same; the walk ends. */
#include "fuzz.h"
#include "parse/params.h"

static size_t walk(char *out, char const *s, size_t n, int utf8, int *end)
{
  struct param p;
  size_t pos = 0, len = 0;
  while ((*end = params_next(s, n, &pos, utf8, &p)) == 1) {
    MUST(pos <= n && p.keylen >= 1 && p.key >= s && p.key + p.keylen <= s + n);
    MUST(p.value ? p.valuelen >= 1 && p.value + p.valuelen == s + pos : p.key + p.keylen == s + pos);
    out[len++] = ' ';
    memcpy(out + len, p.key, p.keylen);
    len += p.keylen;
    if (!p.value) continue;
    out[len++] = '=';
    memcpy(out + len, p.value, p.valuelen);
    len += p.valuelen;
  }
  return len;
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  int utf8 = fuzz_byte(&data, &size) & 1, end;
  char *s = fuzz_copy(data, size), *a = malloc(size + 1), *b = malloc(size + 1);
  size_t len = walk(a, s, size, utf8, &end);
  MUST(len <= size && !memchr(a, 0, len) && !memchr(a, '\r', len) && !memchr(a, '\n', len));
  MUST(walk(b, a, len, utf8, &end) == len && !end && !memcmp(a, b, len));
  free(s);
  free(a);
  free(b);
  return 0;
}
