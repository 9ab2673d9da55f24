/* The field From, in one piece and byte by byte; what is read of it must be addresses that stand in the text. And
 * SASL's messages, none of which may read beyond its end. */
#include <stdint.h>
#include "fuzz.h"
#include "parse/from.h"
#include "parse/sasl.h"

static size_t found;

static int each(void *arg, struct address const *a)
{
  (void)arg;
  MUST(a->len && *a->domain && !memchr(a->text, '\n', a->len));
  found++;
  return 1;
}

static void from(char const *s, size_t n)
{
  static struct from whole, bytes;
  from_init(&whole);
  from_init(&bytes);
  from_feed(&whole, s, n);
  for (size_t i = 0; i < n; i++) from_feed(&bytes, s + i, 1);
  MUST(whole.fields == bytes.fields && whole.len == bytes.len && whole.ended == bytes.ended && whole.big == bytes.big);
  MUST(whole.improper == bytes.improper && !memcmp(whole.s, bytes.s, whole.len));
  found = 0;
  int ok = from_each(&whole, &each, 0);
  MUST(!ok || (found && whole.fields == 1));
}

static void sasl(char const *s, size_t n)
{
  struct piece a, b, c;
  if (sasl_auth(&a, &b, s, n)) MUST(a.s == s && a.len <= n && (!b.s || (b.len && b.s + b.len == s + n)));
  if (sasl_plain(&a, &b, &c, s, n)) MUST(a.len + b.len + c.len + 2 == n && b.len && c.len);
  if (sasl_cram(&a, &b, s, n)) MUST(a.len + 33 == n && a.len);
  a = (struct piece){ s, n };
  if (sasl_user(&a, 255)) MUST(n && n <= 255 && !memchr(s, 0, n) && !memchr(s, '\n', n));
  if (sasl_auth_parameter(s, n)) MUST(n && !memchr(s, ' ', n));
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  char *s = fuzz_copy(data, size);
  from(s, size);
  sasl(s, size);
  free(s);
  return 0;
}
