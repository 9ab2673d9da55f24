/* The end of DATA, BDAT's text: every case whole, byte by byte, and cut at every two places. */
#include <stdlib.h>
#include "unit.h"
#include "parse/eod.h"

#define LINE_MAX_HERE 10

struct result {
  char text[400];
  size_t len, used;
  struct eod e;
  int added; /* eod_last's answer */
};

/* Feeds in[0..n) cut at a and b (a <= b), each piece in memory of its own size. */
static void run(struct result *r, char const *in, size_t n, unsigned mode, size_t a, size_t b)
{
  size_t const cuts[] = { 0, a, b, n };
  *r = (struct result){ .len = 0 };
  eod_init(&r->e, mode, LINE_MAX_HERE);
  for (int i = 0; i < 3 && !r->e.ended; i++) {
    size_t len = cuts[i + 1] - cuts[i], used;
    char *piece = malloc(len ? len : 1);
    memcpy(piece, in + cuts[i], len);
    size_t out = eod_feed(&r->e, piece, len, &used);
    assert_true(out <= used && used <= len);
    assert_true(used == len || r->e.ended);
    assert_memory_equal(piece + used, in + cuts[i] + used, len - used); /* untouched */
    memcpy(r->text + r->len, piece, out);
    r->len += out;
    r->used += used;
    free(piece);
  }
  assert_int_equal(r->e.text, r->len);
  if (mode & EOD_BDAT) {
    r->added = eod_last(&r->e);
    if (r->added) r->text[r->len++] = '\n';
    assert_int_equal(r->e.text, r->len);
  }
}

struct eod_case {
  char const *in;
  size_t n;
  char const *text;
  size_t len, used;   /* used == n and no `ended`: goes on */
  int ended;
  unsigned faults;
};

#define IN(s) s, sizeof s - 1
#define B 2048 /* in the column `ended`: BDAT, eod_last adds a LF */

static void check(struct eod_case const *c, unsigned mode)
{
  struct result r;
  for (size_t b = 0; b <= c->n; b++)
    for (size_t a = 0; a <= b; a++) {
      run(&r, c->in, c->n, mode, a, b);
      CHECK(r.len == c->len && !memcmp(r.text, c->text, c->len), "[%s] at %zu, %zu: text of %zu [%.*s]", c->in, a, b,
        r.len, (int)r.len, r.text);
      CHECK(r.used == c->used, "[%s] at %zu, %zu: used %zu", c->in, a, b, r.used);
      CHECK(r.e.faults == c->faults, "[%s] at %zu, %zu: faults %u", c->in, a, b, r.e.faults);
      CHECK(r.e.ended == (c->ended & 1) && r.added == !!(c->ended & B), "[%s] at %zu, %zu: ended %d, added %d", c->in,
        a, b, r.e.ended, r.added);
      size_t lfs = 0;
      for (size_t i = 0; i < r.len; i++) lfs += r.text[i] == '\n';
      CHECK(r.e.size == r.len + lfs, "[%s]: size %zu", c->in, (size_t)r.e.size);
    }
}

static void data(void **state)
{
  static struct eod_case const cases[] = {
    { IN("a\r\n.\r\nQUIT\r\n"), IN("a\n"), 6, 1, 0 },
    { IN(".\r\nQUIT\r\n"), IN(""), 3, 1, 0 },                 /* DATA's own CRLF counts */
    { IN("\r\n.\r\n"), IN("\n"), 5, 1, 0 }, { IN("\r\n\r\n.\r\n.\r\n"), IN("\n\n"), 7, 1, 0 },
    { IN("a\r\n..\r\n.\r\n"), IN("a\n.\n"), 10, 1, 0 }, { IN("a\r\n..b\r\n.c\r\n.\r\n"), IN("a\n.b\nc\n"), 15, 1, 0 },
    { IN("...\r\n.\r\n"), IN("..\n"), 8, 1, 0 }, { IN("a.\r\n.\r\n"), IN("a.\n"), 7, 1, 0 },
    { IN("a.b\r\n. \r\n.\r\n"), IN("a.b\n \n"), 12, 1, 0 },
    { IN("a\r\n.\r\n.\r\n"), IN("a\n"), 6, 1, 0 }, { IN("\xff\r\n.\r\n"), IN("\xff\n"), 6, 1, 0 },
    { IN(""), IN(""), 0, 0, 0 }, { IN("a"), IN("a"), 1, 0, 0 }, { IN("a\r"), IN("a"), 2, 0, 0 },
    { IN("a\r\n"), IN("a\n"), 3, 0, 0 },
    { IN("a\r\n."), IN("a\n"), 4, 0, 0 }, { IN("a\r\n.\r"), IN("a\n"), 5, 0, 0 },
    { IN("\t\v\f\x01\r\n.\r\n"), IN("\t\v\f\x01\n"), 9, 1, 0 },
    /* nothing but CRLF.CRLF ends: every other spelling is text, and a fault */
    { IN("a\n.\nb\r\n.\r\n"), IN("a\n\nb\n"), 10, 1, EOD_BARE_LF },
    { IN("a\n.\r\nb\r\n.\r\n"), IN("a\n\nb\n"), 11, 1, EOD_BARE_LF },
    { IN("a\r\n.\nb\r\n.\r\n"), IN("a\n\nb\n"), 11, 1, EOD_BARE_LF },
    { IN("a\r\n.\rb\r\n.\r\n"), IN("a\nb\n"), 11, 1, EOD_BARE_CR },
    { IN("a\r\n.\r\r\nb\r\n.\r\n"), IN("a\n\nb\n"), 13, 1, EOD_BARE_CR },
    { IN("a\r.\r\nb\r\n.\r\n"), IN("a.\nb\n"), 11, 1, EOD_BARE_CR },
    { IN("a\r.\rb\r\n.\r\n"), IN("a.b\n"), 10, 1, EOD_BARE_CR },
    { IN("a\n\r.\r\n.\r\n"), IN("a\n.\n"), 9, 1, EOD_BARE_LF | EOD_BARE_CR },
    { IN("\n.\r\n.\r\n"), IN("\n\n"), 7, 1, EOD_BARE_LF }, { IN(".\n.\r\n.\r\n"), IN("\n\n"), 8, 1, EOD_BARE_LF },
    { IN("a\r\n\n.\r\n.\r\n"), IN("a\n\n\n"), 10, 1, EOD_BARE_LF },
    { IN("a\r\r\n.\r\n"), IN("a\n"), 7, 1, EOD_BARE_CR },
    { IN("a\r\n\0.\r\n.\r\n"), IN("a\n\0.\n"), 10, 1, EOD_NUL },
    { IN("a\r\n.\0\r\n.\r\n"), IN("a\n\0\n"), 10, 1, EOD_NUL },
    { IN("a\r\0\n.\r\n.\r\n"), IN("a\0\n\n"), 10, 1, EOD_BARE_CR | EOD_NUL | EOD_BARE_LF },
    { IN("\r.\r\n"), IN(".\n"), 4, 0, EOD_BARE_CR },
    { IN("\n.\n"), IN("\n\n"), 3, 0, EOD_BARE_LF }, { IN("\r.\r"), IN("."), 3, 0, EOD_BARE_CR },
    /* ten bytes a line; a stuffed dot does not count */
    { IN("0123456789\r\n.\r\n"), IN("0123456789\n"), 15, 1, 0 },
    { IN("01234567890\r\n.\r\n"), IN("01234567890\n"), 16, 1, EOD_LONG },
    { IN("..123456789\r\n.\r\n"), IN(".123456789\n"), 16, 1, 0 },
    { IN("..1234567890\r\n.\r\n"), IN(".1234567890\n"), 17, 1, EOD_LONG },
    { IN("012345678\0\r\n.\r\n"), IN("012345678\0\n"), 15, 1, EOD_NUL },
    { IN("0123456789\0\r\n.\r\n"), IN("0123456789\0\n"), 16, 1, EOD_NUL | EOD_LONG },
    { IN("01234567890"), IN("01234567890"), 11, 0, EOD_LONG },
    { IN("012345678\r\n0123456789\r\n"), IN("012345678\n0123456789\n"), 23, 0, 0 },
  }, *c;
  EACH_CASE(c, cases) check(c, 0);
}

/* Old printers: LF ends a line, but never the message. */
static void lf_ok(void **state)
{
  static struct eod_case const cases[] = {
    { IN("a\nb\r\n.\r\nQUIT"), IN("a\nb\n"), 8, 1, 0 },
    { IN("a\n.\nb\n.\r\nc\r\n.\n\r\n.\r\n"), IN("a\n\nb\n\nc\n\n\n"), 19, 1, 0 },
    { IN("a\n..b\n.c\r\n.\r\n"), IN("a\n.b\nc\n"), 13, 1, 0 }, { IN("\n.\n"), IN("\n\n"), 3, 0, 0 },
    { IN("\n.\r\n"), IN("\n\n"), 4, 0, 0 },
    { IN("a\rb\n\r\n.\r\n"), IN("ab\n\n"), 9, 1, EOD_BARE_CR },
    { IN("0123456789\n01234567890\n"), IN("0123456789\n01234567890\n"), 23, 0, EOD_LONG },
    { IN("a\n.\r\n.\r\n"), IN("a\n\n"), 8, 1, 0 },
    { IN("a\r\n.\nMAIL\r\n.\r\n"), IN("a\n\nMAIL\n"), 14, 1, 0 },
  }, *c;
  EACH_CASE(c, cases) check(c, EOD_LF_OK);
}

/* A client that speaks LF: LF and CRLF are the same, and a line of one dot ends. */
static void lf_lines(void **state)
{
  static struct eod_case const cases[] = {
    { IN("a\n.\nQUIT\n"), IN("a\n"), 4, 1, 0 }, { IN(".\nQUIT\n"), IN(""), 2, 1, 0 },
    { IN(".\r\nQUIT\n"), IN(""), 3, 1, 0 }, { IN("a\n.\r\nb"), IN("a\n"), 5, 1, 0 },
    { IN("a\r\n.\nb"), IN("a\n"), 5, 1, 0 }, { IN("a\r\n.\r\nb"), IN("a\n"), 6, 1, 0 },
    { IN("a\r\nb\nc\n\n.\n.\n"), IN("a\nb\nc\n\n"), 10, 1, 0 },
    { IN("..\n...\n.x\nx.\n. \n.\n"), IN(".\n..\nx\nx.\n \n"), 18, 1, 0 },
    { IN("..\r\n.\n"), IN(".\n"), 6, 1, 0 }, { IN("a\n."), IN("a\n"), 3, 0, 0 },
    { IN("a\n.\r"), IN("a\n"), 4, 0, 0 },
    { IN("a\n.\rb\n.\n"), IN("a\nb\n"), 8, 1, EOD_BARE_CR }, { IN("a\r.\n.\n"), IN("a.\n"), 6, 1, EOD_BARE_CR },
    { IN("a\r\r\n.\n"), IN("a\n"), 6, 1, EOD_BARE_CR }, { IN("a\n\0.\n.\n"), IN("a\n\0.\n"), 7, 1, EOD_NUL },
    { IN("0123456789\n.\n"), IN("0123456789\n"), 13, 1, 0 },
    { IN("..1234567890\n.\n"), IN(".1234567890\n"), 15, 1, EOD_LONG },
  }, *c;
  EACH_CASE(c, cases) {
    check(c, EOD_LF_LINES);
    check(c, EOD_LF_LINES | EOD_LF_OK);
  }
}

static void bdat(void **state)
{
  static struct eod_case const cases[] = {
    { IN(""), IN(""), 0, 0, 0 }, { IN("a\r\n"), IN("a\n"), 3, 0, 0 }, { IN("a"), IN("a\n"), 1, B, 0 },
    { IN("a\r\nb"), IN("a\nb\n"), 4, B, 0 },
    { IN("a\r\n.\r\nb\r\n"), IN("a\n.\nb\n"), 9, 0, 0 }, { IN(".\r\n"), IN(".\n"), 3, 0, 0 },
    { IN("..\r\n"), IN("..\n"), 4, 0, 0 }, { IN("."), IN(".\n"), 1, B, 0 },
    { IN("a\n.\nb\r\n"), IN("a\n.\nb\n"), 7, 0, EOD_BARE_LF }, { IN("a\r"), IN("a\n"), 2, B, EOD_BARE_CR },
    { IN("\r"), IN("\n"), 1, B, EOD_BARE_CR },
    { IN("a\rb\r\n"), IN("ab\n"), 5, 0, EOD_BARE_CR }, { IN("a\0b\r\n"), IN("a\0b\n"), 5, 0, EOD_NUL },
    { IN("01234567890\r\n"), IN("01234567890\n"), 13, 0, EOD_LONG },
    { IN("0123456789"), IN("0123456789\n"), 10, B, 0 }, { IN("\r\n"), IN("\n"), 2, 0, 0 },
    { IN("a\r\r\n"), IN("a\n"), 4, 0, EOD_BARE_CR },
  }, *c;
  EACH_CASE(c, cases) check(c, EOD_BDAT);
  static struct eod_case const lenient[] = {
    { IN("a\n.\n"), IN("a\n.\n"), 4, 0, 0 }, { IN("a\n.b\r\n"), IN("a\n.b\n"), 6, 0, 0 },
  };
  EACH_CASE(c, lenient) check(c, EOD_BDAT | EOD_LF_OK);
}

static void eightbit(void **state)
{
  for (size_t at = 0; at < 40; at++)
    for (int b = 0x7f; b <= 0x80; b++) {
      char buf[40];
      size_t used;
      struct eod e;
      memset(buf, 'a', sizeof buf);
      buf[at] = (char)b;
      eod_init(&e, 0, 1000);
      eod_feed(&e, buf, sizeof buf, &used);
      assert_int_equal(e.eightbit, b >> 7);
      assert_int_equal(e.faults, 0);
    }
}

/* Each of the special bytes at each offset of a long line: none is passed over among plain words. */
static void offsets(void **state)
{
  static struct { char c; unsigned fault; } const specials[] = {
    { 0, EOD_NUL }, { '\n', EOD_BARE_LF }, { '\r', EOD_BARE_CR }, { '\t', 0 }, { 0x0b, 0 }, { 0x0c, 0 }, { 0x0e, 0 },
    { 1, 0 }, { (char)0x8d, 0 }, { (char)0x80, 0 },
  };
  for (size_t n = 1; n < 40; n++)
    for (size_t at = 0; at < n; at++)
      for (size_t s = 0; s < sizeof specials / sizeof *specials; s++) {
        char buf[44];
        size_t used;
        struct eod e;
        memset(buf, (int)(unsigned char)(s & 1 ? 'a' : 0xff), n);
        buf[at] = specials[s].c;
        memcpy(buf + n, "x\r\n", 3);
        eod_init(&e, 0, 1000);
        size_t out = eod_feed(&e, buf, n + 3, &used);
        assert_int_equal(e.faults, specials[s].fault);
        assert_int_equal(out, n + 2 - (specials[s].c == '\r'));
        assert_int_equal(buf[out - 1], '\n');
        assert_int_equal(buf[out - 2], 'x');
      }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(data), cmocka_unit_test(lf_ok), cmocka_unit_test(lf_lines), cmocka_unit_test(bdat),
    cmocka_unit_test(eightbit), cmocka_unit_test(offsets),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
