/* Domain names: canonical once is canonical for ever, and is plain ASCII within its limits. */
#include "fuzz.h"
#include "parse/domain.h"
#include "parse/utf8.h"

static void check_form(char const *s, size_t n)
{
  size_t label = 0;
  MUST(n <= 253 && strlen(s) == n);
  for (size_t i = 0; i <= n; i++) {
    if (i == n || s[i] == '.') {
      MUST(label >= 1 && label <= 63 && s[i - 1] != '-');
      label = 0;
      continue;
    }
    MUST(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", s[i]) && (label || s[i] != '-'));
    label++;
  }
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  char out[DOMAIN_TEXT], again[DOMAIN_TEXT];
  char *s = fuzz_copy(data, size);
  size_t n = domain_canon(out, s, size);
  if (n) {
    check_form(out, n);
    MUST(utf8_valid(s, size));
    MUST(domain_canon(again, out, n) == n && !strcmp(out, again));
    for (size_t i = 0; i < size; i++) /* nor does the case of ASCII matter */
      if (s[i] >= 'a' && s[i] <= 'z') s[i] = (char)(s[i] - 32);
    MUST(domain_canon(again, s, size) == n && !strcmp(out, again));
    size_t steps = 0;
    for (char const *w = out; w; w = domain_wider(w), steps++) MUST(strlen(w) <= n && (w == out || !*w || *w == '.'));
    MUST(steps <= 128);
  }
  free(s);
  return 0;
}
