/* The client's reply parser: what is a reply, what is shown of it, and where the limits are. */
#include <stdio.h>
#include <stdlib.h>
#include "unit.h"
#include "smtp/client_reply.h"

static enum client_reply_state feed(struct client_reply *r, char const *s, size_t n, size_t step, size_t *used)
{
  enum client_reply_state state = CLIENT_REPLY_MORE;
  *used = 0;
  client_reply_start(r, 0, 0);
  while (*used < n && state == CLIENT_REPLY_MORE) {
    size_t took, piece = n - *used < step ? n - *used : step;
    state = client_reply_feed(r, s + *used, piece, &took);
    *used += took;
  }
  return state;
}

static void replies(void **state)
{
  static struct { char const *in; size_t n; int code; char const *text; } const cases[] = {
    /* code 0: bad; -1: not complete */
#define C(s) s, sizeof s - 1
    { C("250 ok\r\n"), 250, "250 ok" },
    { C("250 ok\n"), 250, "250 ok" },
    { C("250\r\n"), 250, "250" },
    { C("250 \r\n"), 250, "250" },
    { C("250-\r\n250 \r\n"), 250, "250" },
    { C("250-a\r\n250-b\r\n250 c\r\n"), 250, "250 a b c" },
    { C("250-a\n250 b\n"), 250, "250 a b" },
    { C("550-5.1.1 no such\r\n550 5.1.1 user\r\n"), 550, "550 5.1.1 no such user" },
    { C("550-5.1.1 no such\r\n550 5.1.10 user\r\n"), 550, "550 5.1.1 no such 5.1.10 user" },
    { C("550-5.1.1 no such\r\n550 4.1.1 user\r\n"), 550, "550 5.1.1 no such 4.1.1 user" },
    { C("220  two  spaces \r\n"), 220, "220 two  spaces" },
    { C("250 a\0b\001\177\200\377\tc\r\n"), 250, "250 a?b???? c" },
    { C("200 least\r\n"), 200, "200 least" },
    { C("599 most\r\n"), 599, "599 most" },
    { C("250 a\rb\r\n"), 250, "250 a?b" },
    { C("250 a\r\r\n"), 250, "250 a?" },
    { C("199 x\r\n"), 0, 0 }, { C("600 x\r\n"), 0, 0 }, { C("099 x\r\n"), 0, 0 }, { C("2500 x\r\n"), 0, 0 },
    { C("25 x\r\n"), 0, 0 }, { C("25\r\n"), 0, 0 }, { C("\r\n"), 0, 0 }, { C("\n"), 0, 0 }, { C(" 250 ok\r\n"), 0, 0 },
    { C("250_ok\r\n"), 0, 0 }, { C("250\tok\r\n"), 0, 0 }, { C("-250 ok\r\n"), 0, 0 }, { C("2x0 ok\r\n"), 0, 0 },
    { C("HTTP/1.1 400 Bad Request\r\n"), 0, 0 }, { C("250-a\r\n251 b\r\n"), 0, 0 }, { C("250-a\r\nb\r\n"), 0, 0 },
    { C("250-a\r\n\r\n"), 0, 0 }, { C("\0\0\0\n"), 0, 0 },
    { C("250 ok"), -1, 0 }, { C("250-ok\r\n"), -1, 0 }, { C(""), -1, 0 }, { C("2"), -1, 0 }, { C("250 ok\r"), -1, 0 },
#undef C
  }, *c;
  static size_t const steps[] = { 1, 2, 3, 7, 10000 };
  EACH_CASE(c, cases) {
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
      struct client_reply r;
      size_t used;
      enum client_reply_state s = feed(&r, c->in, c->n, steps[i], &used);
      CHECK(s == (c->code > 0 ? CLIENT_REPLY_DONE : c->code ? CLIENT_REPLY_MORE : CLIENT_REPLY_BAD), "%s", c->in);
      if (c->code <= 0) continue;
      CHECK(r.code == c->code && used == c->n, "%s", c->in);
      assert_string_equal(r.text, c->text);
      assert_int_equal(r.text_len, strlen(c->text));
    }
  }
}

/* The bytes behind a reply stay for the next one. */
static void leaves_the_rest(void **state)
{
  static char const two[] = "250 one\r\n550-two\r\n550 three\r\n354 x";
  struct client_reply r;
  size_t used, at;
  assert_int_equal(feed(&r, two, sizeof two - 1, 1000, &used), CLIENT_REPLY_DONE);
  assert_string_equal(r.text, "250 one");
  at = used;
  assert_int_equal(feed(&r, two + at, sizeof two - 1 - at, 1000, &used), CLIENT_REPLY_DONE);
  assert_string_equal(r.text, "550 two three");
  at += used;
  assert_int_equal(feed(&r, two + at, sizeof two - 1 - at, 1000, &used), CLIENT_REPLY_MORE);
}

/* A line of LIMIT_REPLY_LINE bytes with its end is read, one more is not; however the bytes come in. */
static void line_limit(void **state)
{
  static char s[LIMIT_REPLY_LINE + 2];
  static size_t const steps[] = { 1, 1000, 5000 };
  for (size_t over = 0; over < 2; over++) {
    size_t n = LIMIT_REPLY_LINE + over;
    memset(s, 'x', n);
    memcpy(s, "250 ", 4);
    memcpy(s + n - 2, "\r\n", 2);
    for (size_t i = 0; i < 3; i++) {
      struct client_reply r;
      size_t used;
      assert_int_equal(feed(&r, s, n, steps[i], &used), over ? CLIENT_REPLY_BAD : CLIENT_REPLY_DONE);
      if (!over) assert_int_equal(r.text_len, CLIENT_REPLY_TEXT - 1);
    }
  }
}

/* An endless line and endless lines end by themselves. */
static void endless(void **state)
{
  struct client_reply r;
  enum client_reply_state s = CLIENT_REPLY_MORE;
  size_t used, lines = 0, bytes = 0;
  client_reply_start(&r, 0, 0);
  for (; s == CLIENT_REPLY_MORE && bytes < 100000; bytes++) s = client_reply_feed(&r, "2", 1, &used);
  assert_int_equal(s, CLIENT_REPLY_BAD);
  assert_true(bytes <= LIMIT_REPLY_LINE);
  client_reply_start(&r, 0, 0);
  for (s = CLIENT_REPLY_MORE; s == CLIENT_REPLY_MORE && lines < 100000; lines++) s = client_reply_feed(&r, "250-x\r\n",
    7, &used);
  assert_int_equal(s, CLIENT_REPLY_BAD);
  assert_int_equal(lines, LIMIT_REPLY_LINES + 1);
  /* and as many as are allowed */
  client_reply_start(&r, 0, 0);
  for (lines = 1; lines < LIMIT_REPLY_LINES; lines++) assert_int_equal(client_reply_feed(&r, "250-x\r\n", 7, &used),
    CLIENT_REPLY_MORE);
  assert_int_equal(client_reply_feed(&r, "250 x\r\n", 7, &used), CLIENT_REPLY_DONE);
}

struct seen {
  char text[200];
};

static void note(void *arg, unsigned number, char const *s, size_t n)
{
  struct seen *seen = arg;
  char one[80];
  snprintf(one, sizeof one, "%u:%.*s;", number, (int)n, s);
  strcat(seen->text, one);
}

static void each_line(void **state)
{
  static char const in[] = "250-mx.example hello\r\n250-SIZE 10\r\n250\r\n";
  struct seen seen = { "" };
  struct client_reply r;
  size_t used;
  client_reply_start(&r, note, &seen);
  assert_int_equal(client_reply_feed(&r, in, sizeof in - 1, &used), CLIENT_REPLY_DONE);
  assert_string_equal(seen.text, "1:mx.example hello;2:SIZE 10;3:;");
}

static void enhanced_codes(void **state)
{
  static struct { char const *in, *code; } const cases[] = {
    { "550 5.1.1 x\r\n", "5.1.1" }, { "550 5.1.1\r\n", "5.1.1" }, { "550 5.999.999 x\r\n", "5.999.999" },
    { "550 5.1 x\r\n", "" }, { "550 4.1.1 x\r\n", "" }, { "550 5.1.1x\r\n", "" }, { "550 5.1.1000 x\r\n", "" },
    { "550 x\r\n", "" }, { "550\r\n", "" }, { "550 5..1 x\r\n", "" }, { "250 2.0.0 x\r\n", "2.0.0" }, { "550 5.1.\r\n",
      "" },
  }, *c;
  EACH_CASE(c, cases) {
    struct client_reply r;
    char const *at;
    size_t used;
    assert_int_equal(feed(&r, c->in, strlen(c->in), 1000, &used), CLIENT_REPLY_DONE);
    size_t n = client_reply_enhanced(&r, &at);
    CHECK(n == strlen(c->code) && !memcmp(at, c->code, n), "%s", c->in);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(replies), cmocka_unit_test(leaves_the_rest), cmocka_unit_test(line_limit),
      cmocka_unit_test(endless),
    cmocka_unit_test(each_line), cmocka_unit_test(enhanced_codes),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
