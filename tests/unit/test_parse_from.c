/* The field From: what it says, and what is nobody's to say. */
#include <stdlib.h>
#include "unit.h"
#include "parse/from.h"

static char found[8192];
static int stop_at;

static int note(void *arg, struct address const *a)
{
  (void)arg;
  if (*found) strcat(found, " ");
  strcat(found, a->text);
  return !stop_at || !strstr(found, "stop");
}

/* The addresses, or "-"; in pieces of every size the same. */
static char const *of(char const *text)
{
  static char whole[sizeof found];
  size_t n = strlen(text);
  for (size_t piece = n ? n : 1; piece; piece = piece > 9 ? 9 : piece - 1) {
    struct from f;
    from_init(&f);
    for (size_t at = 0; at < n; at += piece) {
      size_t len = n - at < piece ? n - at : piece;
      char *copy = malloc(len);
      memcpy(copy, text + at, len);
      from_feed(&f, copy, len);
      free(copy);
    }
    *found = 0;
    int ok = from_each(&f, &note, 0);
    if (!ok) strcpy(found, "-");
    if (piece == n || !n) strcpy(whole, found);
    CHECK(!strcmp(whole, found), "%s: %s, but in pieces of %zu %s", text, whole, piece, found);
  }
  return whole;
}

static void fields(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "From: a@b.example\n\n", "a@b.example" }, { "From: a@b.example\n", "a@b.example" },
    { "fRoM:a@b.example\n\n", "a@b.example" },
    { "From \t: a@b.example\n\n", "a@b.example" },
    { "To: x@y\nFrom: a@b.example\nSubject: From: c\n\n", "a@b.example" },
    { "From:\n a@b.example\n\n", "a@b.example" },
    { "From: a@b.example,\n\tc@d.example\n\n", "a@b.example c@d.example" },
    { "X: y\n folded\nFrom: a@b.example\nX: y\n From: c@d.example\n\n", "a@b.example" },
    { "From: a@b.example\n\nFrom: c@d.example\n", "a@b.example" },
    { "Fromm: c@d\nFro: x\nFrom: a@b.example\n\n", "a@b.example" },
    { "From-: x\nXFrom: y\nFrom: a@b.example\n\n", "a@b.example" },
    { "", "-" }, { "\n", "-" }, { "Subject: x\n\nFrom: a@b.example\n", "-" },
    { "From: a@b.example\nFrom: a@b.example\n\n", "-" },
    { "From: a@b.example\nFROM : c@d.example\n\n", "-" }, { " From: a@b.example\n\n", "-" },
    { "x\nFrom: a@b.example\n\n", "-" },
    { "From: a@b.example\nx y\nFrom: c@d.example\n\n", "-" }, { "From: a@b.example\n: x\n\n", "-" },
    { "From: a@b.example\n\x01: x\n\n", "-" }, { "From a@b.example\n\n", "-" }, { "From\n\n", "-" },
    { "From:\n\n", "-" },
  }, *c;
  EACH_CASE(c, cases) CHECK(!strcmp(of(c->in), c->out), "%s: %s", c->in, of(c->in));
}

static void mailboxes(void **state)
{
  static struct { char const *in, *out; } const cases[] = {
    { "<a@b.example>", "a@b.example" }, { "A <a@b.example>", "a@b.example" },
    { "A. B. <a@b.example> (x)", "a@b.example" },
    { "\"A, <x@y.example>\" <a@b.example>", "a@b.example" }, { "\"a b\"@c.example", "\"a b\"@c.example" },
    { "(x (y) \\) z@y) a@b.example(c)", "a@b.example" }, { "a@[192.0.2.1]", "a@[192.0.2.1]" },
    { "a@b.example , c <c@d.example>", "a@b.example c@d.example" },
    { "G: a@b.example, <c@d.example>;", "a@b.example c@d.example" },
    { "G: a@b.example;, c@d.example", "a@b.example c@d.example" }, { "\xc3\xbc <a@b.example>", "a@b.example" },
    { "=?utf-8?q?x=40y?= <a@b.example>", "a@b.example" }, { "<\"a>b\"@c.example>", "\"a>b\"@c.example" },
    { "", "-" }, { "a", "-" }, { "<>", "-" }, { "A", "-" }, { "a@", "-" }, { "@b.example", "-" },
    { "a@b.example c@d.example", "-" },
    { "a@b.example <c@d.example>", "-" }, { "A <a@b.example> B", "-" }, { "A <a@b.example", "-" },
    { "A < a@b.example >", "-" },
    { "\"A <a@b.example>", "-" }, { "(A <a@b.example>", "-" }, { "a @b.example", "-" }, { "a@ b.example", "-" },
    { "a@b.example,", "-" }, { ",a@b.example", "-" }, { "a@b.example;", "-" }, { "G: a@b.example", "-" },
    { "G:;", "-" },
    { "G: H: a@b.example;;", "-" }, { ": a@b.example;", "-" }, { "<@x.example:a@b.example>", "-" },
    { "a@b@c.example", "-" },
    { "<a@b.example><c@d.example>", "-" }, { "a@b.example\\", "-" }, { "\xff <a@b.example>", "-" },
    { "a..b@c.example", "-" },
    { "\"a\"b@c.example", "-" }, { "A\x01 <a@b.example>", "-" }, { "a@[192.0.2.1", "-" }, { "<a@b.example>,<", "-" },
  }, *c;
  EACH_CASE(c, cases) {
    char text[300];
    snprintf(text, sizeof text, "From: %s\n\n", c->in);
    CHECK(!strcmp(of(text), c->out), "%s: %s", c->in, of(text));
  }
}

static void bounds(void **state)
{
  char *text = malloc(2 * FROM_MAX);
  for (size_t more = 0; more < 2; more++) { /* one byte more than there is room for */
    size_t n = (size_t)sprintf(text, "From: ");
    memset(text + n, ' ', FROM_MAX - 13 + more);
    strcpy(text + n + FROM_MAX - 13 + more, "a@bb.example\n\n");
    struct from f;
    from_init(&f);
    from_feed(&f, text, strlen(text));
    *found = 0;
    assert_int_equal(from_each(&f, &note, 0), !more);
  }
  free(text);
  stop_at = 1;
  assert_string_equal(of("From: a@b.example, stop@b.example, c@d.example\n\n"), "-");
  stop_at = 0;
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(fields), cmocka_unit_test(mailboxes), cmocka_unit_test(bounds) };
  return cmocka_run_group_tests(tests, 0, 0);
}
