/* lib/send: what a report says, and what a bounce says. */
#include "send/report.h"
#include "unit.h"

#define S(s) s, sizeof s - 1

struct report_case {
  char const *s;
  size_t len;
  unsigned n;
  enum report_state state;
  char const *outcomes; /* + delivered, ~ deferred, - failed */
};

static struct report_case const reports[] = {
  { S("r\0Kfine\0"), 1, REPORT_EACH, "+" },
  { S("r\0hno\0slater\0Kfine\0"), 3, REPORT_EACH, "+-~" },
  { S("r\0r\0Zlater\0"), 2, REPORT_EACH, "~~" },
  { S("r\0hno\0Dnever\0"), 2, REPORT_EACH, "--" },
  { S("hno\0hno\0Dnever\0"), 2, REPORT_EACH, "--" },
  { S("Zdown\0"), 5, REPORT_WHOLE, "~~~~~" },
  { S("Dno such domain\0"), 2, REPORT_WHOLE, "--" },
  { S("r\0hno\0Kfine\0tTLSv1.3 C ca\0"), 2, REPORT_EACH, "+-" },
  { S("r\0hno\0Kfine\0n\0"), 2, REPORT_EACH, "+-" },
  { S("r\0hno\0Kfine\0n\0tTLSv1.3 C ca\0"), 2, REPORT_EACH, "+-" },
  { S("r\0Kfine\0nx\0"), 1, REPORT_BAD, 0 },
  { S("r\0Kfine\0t\0n\0"), 1, REPORT_BAD, 0 },
  { S("r\0Kfine\0n\0n\0"), 1, REPORT_BAD, 0 },
  { S("Zdown\0t\0"), 1, REPORT_WHOLE, "~" },
  { S("Kfine\0"), 2, REPORT_BAD, 0 },                 /* who? */
  { S("r\0tTLSv1.3 C ca\0"), 1, REPORT_BAD, 0 },
  { S("tTLSv1.3 C ca\0r\0Kfine\0"), 1, REPORT_BAD, 0 },
  { S("r\0Kfine\0t\0t\0"), 1, REPORT_BAD, 0 },
  { S("r\0Kfine\0t\0Kfine\0"), 1, REPORT_BAD, 0 },
  { S(""), 1, REPORT_BAD, 0 },
  { S("\0"), 1, REPORT_BAD, 0 },
  { S("r\0"), 1, REPORT_BAD, 0 },                     /* no verdict */
  { S("r\0Kfine"), 1, REPORT_BAD, 0 },                /* no NUL */
  { S("r\0Kfine\0"), 2, REPORT_BAD, 0 },
  { S("r\0r\0Kfine\0"), 1, REPORT_BAD, 0 },
  { S("r\0Kfine\0Kfine\0"), 1, REPORT_BAD, 0 },
  { S("r\0Kfine\0r\0"), 1, REPORT_BAD, 0 },
  { S("r\0Xwhat\0"), 1, REPORT_BAD, 0 },
  { S("Rx\0Kfine\0"), 1, REPORT_BAD, 0 },
  { S("r\0\0"), 1, REPORT_BAD, 0 },
  { S("r\0\0Kfine\0"), 1, REPORT_BAD, 0 },
};

static void report_cases(void **state)
{
  struct report_case const *c;
  EACH_CASE(c, reports) {
    struct report r;
    enum report_state got = report_scan(&r, c->s, c->len, c->n);
    CHECK(got == c->state, "case %zu: %d", i_, got);
    size_t pos = 0;
    for (unsigned i = 0; c->outcomes && i < c->n; i++) {
      char const *text = r.text;
      enum outcome o = got == REPORT_EACH ? report_next(&r, &pos, &text) : report_whole(&r);
      CHECK("+~-"[o] == c->outcomes[i], "case %zu recipient %u: %d", i_, i, o);
      CHECK(text && text >= c->s && text < c->s + c->len, "case %zu", i_);
    }
  }
}

static void report_texts(void **state)
{
  struct report r;
  size_t pos = 0;
  char const *text;
  assert_int_equal(report_scan(&r, S("r\0hno\0Kfine\0"), 2), REPORT_EACH);
  report_next(&r, &pos, &text);
  assert_string_equal(text, "fine");
  report_next(&r, &pos, &text);
  assert_string_equal(text, "no");
  assert_string_equal(r.tls, "");
  assert_int_equal(report_scan(&r, S("r\0Kfine\0tTLSv1.3 C ca\0"), 1), REPORT_EACH);
  assert_string_equal(r.tls, "TLSv1.3 C ca");
  assert_false(r.dsn);
  assert_int_equal(report_scan(&r, S("r\0Kfine\0n\0tnone\0"), 1), REPORT_EACH);
  assert_true(r.dsn && !r.unmet);
  assert_string_equal(r.tls, "none");
  assert_int_equal(report_scan(&r, S("slater\0Zlater\0t\0"), 1), REPORT_EACH);
  assert_true(r.unmet);
  assert_int_equal(report_scan(&r, S("r\0Kfine\0"), 1), REPORT_EACH); /* it says nothing of TLS */
  assert_false(r.unmet);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(report_cases), cmocka_unit_test(report_texts),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
