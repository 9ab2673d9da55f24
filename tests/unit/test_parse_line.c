/* Command lines, from buffers filled in pieces of every size; decimal numbers. */
#include <stdlib.h>
#include "unit.h"
#include "parse/line.h"
#include "parse/number.h"

#define MAX 12

/* Feeds in[0..n) in pieces of `piece` bytes through a buffer of exactly MAX bytes, as a server would. Writes what came
 * out: for each line a letter for its status, for a good one its text and a `;`, or a `/` if LF alone ended it. */
static void run(char *out, char const *in, size_t n, size_t piece, int lf_ok)
{
  static char const letters[] = { [LINE_BARE] = 'B', [LINE_NUL] = 'N', [LINE_LONG] = 'L' };
  char *buf = malloc(MAX); /* so that a byte read behind it is seen */
  size_t have = 0, fed = 0;
  struct line l;
  line_init(&l, MAX, lf_ok);
  for (;;) {
    size_t used, len;
    enum line_status s = line_next(&l, buf, have, &used, &len);
    assert_true(used <= have && len <= used);
    if (s == LINE_OK) {
      assert_true(!memchr(buf, '\r', len) && !memchr(buf, '\n', len) && !memchr(buf, 0, len));
      memcpy(out, buf, len);
      out += len;
      *out++ = l.by_lf ? '/' : ';';
    }
    else {
      assert_int_equal(len, 0);
      if (s != LINE_MORE) *out++ = letters[s];
    }
    memmove(buf, buf + used, have - used);
    have -= used;
    if (s != LINE_MORE) continue;
    assert_true(have < MAX); /* there is room always */
    size_t more = n - fed < piece ? n - fed : piece;
    if (more > MAX - have) more = MAX - have;
    if (!more) break;
    memcpy(buf + have, in + fed, more);
    have += more;
    fed += more;
  }
  *out = 0;
  free(buf);
}

static void lines(void **state)
{
  static struct { char const *in; size_t n; char const *strict, *lf_ok; } const cases[] = {
#define IN(s) s, sizeof s - 1
    { IN(""), "", "" }, { IN("NOOP"), "", "" }, { IN("NOOP\r"), "", "" }, { IN("NOOP\r\n"), "NOOP;", "NOOP;" },
    { IN("\r\n"), ";", ";" }, { IN("\r\n\r\n"), ";;", ";;" }, { IN("A\r\nB\r\nC"), "A;B;", "A;B;" },
    { IN("A \r\n"), "A ;", "A ;" }, { IN("\xff\x80\r\n"), "\xff\x80;", "\xff\x80;" },
    /* the limit: 12 bytes with CRLF */
    { IN("0123456789\r\nA\r\n"), "0123456789;A;", "0123456789;A;" }, { IN("01234567890\r\nA\r\n"), "LA;", "LA;" },
    { IN("0123456789ab\r\nA\r\n"), "LA;", "LA;" }, { IN("0123456789abc\r\nA\r\n"), "LA;", "LA;" },
    { IN("0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef\r\nA\r\n"), "LA;", "LA;" },
    { IN("0123456789abcdef\0\r\rxyz\r\nA\r\n"), "LA;", "LA;" },
    { IN("0123456789abcdefghijkl"), "", "" },
    { IN("01234567890\nA\r\n"), "BB", "01234567890/A;" }, { IN("012345678901\nA\r\n"), "BB", "LA;" },
    /* a bare LF: what follows, up to CRLF, is no command */
    { IN("A\n"), "B", "A/" }, { IN("\n"), "B", "/" }, { IN("A\nB\r\nC\r\n"), "BBC;", "A/B;C;" },
    { IN("A\nB\nC\nD"), "BBB", "A/B/C/" }, { IN("A\n\r\nC\r\n"), "BBC;", "A/;C;" }, { IN("\n\r\n"), "BB", "/;" },
    { IN("A\nB\rC\r\nD\r\n"), "BBD;", "A/BD;" }, { IN("A\n0123456789abcdefgh\r\nC\r\n"), "BBC;", "A/LC;" },
    { IN("0123456789abcdefgh\nB\r\nC\r\n"), "BBC;", "LB;C;" },
    /* a bare CR */
    { IN("A\rB\r\nC\r\n"), "BC;", "BC;" }, { IN("A\r\r\nC\r\n"), "BC;", "BC;" }, { IN("\rA\r\n"), "B", "B" },
    { IN("A\rB\nC\r\nD\r\n"), "BBD;", "BC;D;" }, { IN("\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\n"), "L", "L" },
    /* NUL */
    { IN("A\0B\r\nC\r\n"), "NC;", "NC;" }, { IN("\0\r\n"), "N", "N" }, { IN("A\0\rB\r\nC\r\n"), "NC;", "NC;" },
    { IN("A\0B\nC\r\nD\r\n"), "BBD;", "NC;D;" },
#undef IN
  }, *c;
  EACH_CASE(c, cases)
    for (size_t piece = 1; piece <= MAX; piece++)
      for (int lf_ok = 0; lf_ok < 2; lf_ok++) {
        char out[200];
        run(out, c->in, c->n, piece, lf_ok);
        CHECK(!strcmp(out, lf_ok ? c->lf_ok : c->strict), "case %zu, pieces of %zu: %s", (size_t)(c - cases), piece,
          out);
      }
}

/* The limit may change between lines. */
static void limit_changes(void **state)
{
  struct line l;
  size_t used, len;
  line_init(&l, 4, 0);
  assert_int_equal(line_next(&l, "abc\r\n", 5, &used, &len), LINE_LONG);
  l.max = 5;
  assert_int_equal(line_next(&l, "abc\r\n", 5, &used, &len), LINE_OK);
  assert_int_equal(len, 3);
}

static void numbers(void **state)
{
  static struct { char const *in; uint64_t max; enum number_status status; uint64_t value; } const cases[] = {
    { "0", 10, NUMBER_OK, 0 }, { "10", 10, NUMBER_OK, 10 }, { "11", 10, NUMBER_BIG, 10 }, { "0010", 10, NUMBER_OK, 10 },
    { "9", 9, NUMBER_OK, 9 }, { "99", 9, NUMBER_BIG, 9 }, { "0", 0, NUMBER_OK, 0 }, { "1", 0, NUMBER_BIG, 0 },
    { "1", 1, NUMBER_OK, 1 }, { "2", 1, NUMBER_BIG, 1 }, { "65535", 65535, NUMBER_OK, 65535 },
    { "65536", 65535, NUMBER_BIG, 65535 },
    { "18446744073709551615", UINT64_MAX, NUMBER_OK, UINT64_MAX },
    { "18446744073709551616", UINT64_MAX, NUMBER_BIG, UINT64_MAX },
    { "99999999999999999999999999999999999999999", UINT64_MAX, NUMBER_BIG, UINT64_MAX },
    { "0000000000000000000000000000000000000000000000007", 10, NUMBER_OK, 7 }, { "110", 100, NUMBER_BIG, 100 },
    { "1000000x", 10, NUMBER_BAD, 0 }, { "", 10, NUMBER_BAD, 0 }, { "-1", 10, NUMBER_BAD, 0 },
    { "+1", 10, NUMBER_BAD, 0 },
    { " 1", 10, NUMBER_BAD, 0 }, { "1 ", 10, NUMBER_BAD, 0 }, { "0x1", 10, NUMBER_BAD, 0 },
    { "1e3", 10, NUMBER_BAD, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    uint64_t v = 4711;
    enum number_status s = number_scan(c->in, strlen(c->in), c->max, &v);
    CHECK(s == c->status && v == (s == NUMBER_BAD ? 4711 : c->value), "%s: %d, %llu", c->in, s, (unsigned long long)v);
  }
  uint64_t v;
  assert_int_equal(number_scan("1\0", 2, 10, &v), NUMBER_BAD);
  static uint64_t const values[] = { 0, 9, 10, 99, 100, 4294967296, UINT64_MAX };
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    char text[NUMBER_TEXT], want[40];
    snprintf(want, sizeof want, "%llu", (unsigned long long)values[i]);
    assert_int_equal(number_fmt(text, values[i]), strlen(want));
    assert_string_equal(text, want);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(lines), cmocka_unit_test(limit_changes), cmocka_unit_test(numbers),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
