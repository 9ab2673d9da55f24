/* C escapes for the log: nothing raw gets through, nothing is lost. */
#include <ctype.h>
#include <stdlib.h>
#include "unit.h"
#include "codec/base64.h"
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
    for (size_t cut = 1; cut < n; cut++) CHECK(!codec_unescape(back, &len, out, cut), "byte %d cut: %.*s", b, (int)n,
      out);
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
  static char const *const bad[] = { "\\", "a\\", "\\x", "\\x4", "\\x4g", "\\xAB", "\\0", "\\q", "\\101", "\\ ",
    "\"", "a b",
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

/* RFC 4648 10, and all lengths of all bytes there and back. */
static void base64(void **state)
{
  static char const *const pairs[][2] = {
    { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfb", "//77" }, { "\xfb\xef\xbe", "++++" },
  };
  char out[CODEC_BASE64(300)], back[sizeof out], in[300];
  size_t n;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    size_t len = strlen(pairs[i][0]), want = strlen(pairs[i][1]);
    CHECK(codec_base64(out, pairs[i][0], len) == want && !memcmp(out, pairs[i][1], want), "%s", pairs[i][0]);
    CHECK(codec_unbase64(back, &n, out, want) && n == len && !memcmp(back, pairs[i][0], n), "%s", pairs[i][1]);
  }
  for (size_t len = 0; len <= sizeof in; len++) {
    for (size_t i = 0; i < len; i++) in[i] = (char)rand();
    size_t made = codec_base64(out, in, len);
    assert_int_equal(made, CODEC_BASE64(len));
    assert_true(codec_unbase64(out, &n, out, made)); /* where it stands */
    assert_int_equal(n, len);
    assert_memory_equal(out, in, len);
  }
}

static void no_base64(void **state)
{
  static char const *const bad[] = { "Z", "Zg", "Zg=", "Zm8", "Zg===", "=", "==", "====", "Zh==", "Zm9=", "Zm 9",
    "Zm9v\n", " Zm9v",
    "Zm9v====", "Zg==Zg==", "Zm-_", "Zm9.", "Zg=a", "Z===", "\xffm9v", "*", "Zm9vZ" };
  char back[64];
  size_t n;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(!codec_unbase64(back, &n, bad[i], strlen(bad[i])) && !n, "%s was read", bad[i]);
  assert_false(codec_unbase64(back, &n, "Zm9\0", 4));
  for (int c = 0; c < 256; c++) { /* each byte, in each place */
    int digit = c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c);
    for (size_t at = 0; at < 4; at++) {
      char text[4] = { 'A', 'A', 'A', 'A' };
      text[at] = (char)c;
      CHECK(codec_unbase64(back, &n, text, 4) == (digit || (c == '=' && at == 3)), "byte %d at %zu", c, at);
    }
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(each_byte), cmocka_unit_test(all_bytes), cmocka_unit_test(foreign),
    cmocka_unit_test(base64), cmocka_unit_test(no_base64),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
