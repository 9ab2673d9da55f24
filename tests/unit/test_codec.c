/* C escapes for the log: nothing raw gets through, nothing is lost. */
#include <ctype.h>
#include <stdlib.h>
#include "unit.h"
#include "codec/escape.h"

static int hex(char c)
{
  return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Reads what codec_escape wrote. */
static size_t unescape(char *out, char const *s, size_t n)
{
  static char const names[] = "abfnrtv0\\e", values[] = "\a\b\f\n\r\t\v\0\\\033";
  size_t len = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] != '\\') {
      out[len++] = s[i];
      continue;
    }
    assert_true(++i < n);
    if (s[i] == 'x') {
      assert_true(i + 2 < n && isxdigit((unsigned char)s[i + 1]) && isxdigit((unsigned char)s[i + 2]));
      out[len++] = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
      i += 2;
    }
    else {
      char const *name = memchr(names, s[i], sizeof names - 1);
      assert_non_null(name);
      out[len++] = values[name - names];
    }
  }
  return len;
}

static void each_byte(void **state)
{
  for (int b = 0; b < 256; b++) {
    char in = (char)b, out[CODEC_ESCAPED(1)], back[CODEC_ESCAPED(1)];
    size_t n = codec_escape(out, &in, 1);
    assert_true(n >= 1 && n <= sizeof out);
    for (size_t i = 0; i < n; i++) CHECK(out[i] > ' ' && out[i] < 0x7f && !strchr("\"=", out[i]), "byte %d: %.*s", b,
      (int)n, out);
    CHECK((n == 1) == (b > ' ' && b < 0x7f && !strchr("\"=\\", b)), "byte %d: %.*s", b, (int)n, out);
    assert_int_equal(unescape(back, out, n), 1);
    CHECK(back[0] == in, "byte %d: %.*s", b, (int)n, out);
    size_t len;
    CHECK(codec_unescape(back, &len, out, n) && len == 1 && back[0] == in, "byte %d: %.*s", b, (int)n, out);
    CHECK(codec_unescape(back, &len, &in, 1) == (n == 1), "byte %d alone", b);
    for (size_t cut = 1; cut < n; cut++) CHECK(!codec_unescape(back, &len, out, cut), "byte %d cut: %.*s", b, (int)n, out);
  }
}

static void all_bytes(void **state)
{
  char in[512], *out = malloc(CODEC_ESCAPED(sizeof in)), back[CODEC_ESCAPED(sizeof in)];
  srand(5);
  for (int round = 0; round < 200; round++) {
    size_t n = (size_t)rand() % sizeof in;
    for (size_t i = 0; i < n; i++) in[i] = (char)(round ? rand() : 0xff);
    size_t len = codec_escape(out, in, n);
    assert_true(len <= CODEC_ESCAPED(n));
    assert_int_equal(unescape(back, out, len), n);
    assert_memory_equal(back, in, n);
    size_t again;
    assert_true(codec_unescape(back, &again, out, len));
    assert_int_equal(again, n);
    assert_memory_equal(back, in, n);
  }
  assert_int_equal(codec_escape(out, "", 0), 0);
  free(out);
}

/* Whatever is not codec_escape's own is refused. Each escape of one letter, and of two digits, is tried. */
static void foreign(void **state)
{
  static char const *const bad[] = { "\\", "a\\", "\\x", "\\x4", "\\x4g", "\\xAB", "\\0", "\\q", "\\101", "\\ ", "\"", "a b",
    "a=b", "\\\\\\" };
  char back[64];
  size_t n;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(!codec_unescape(back, &n, bad[i], strlen(bad[i])), "%s was read", bad[i]);
  assert_false(codec_unescape(back, &n, "\\\0", 2));
  assert_false(codec_unescape(back, &n, "\\x\0\0", 4));
  assert_true(codec_unescape(back, &n, "", 0) && !n);
  assert_true(codec_unescape(back, &n, "\\x00\\\\x41", 9) && n == 5 && !memcmp(back, "\0\\x41", 5));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(each_byte), cmocka_unit_test(all_bytes), cmocka_unit_test(foreign)
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
