/* lib/send: what a report says, and what a bounce says. */
#include "send/compose.h"
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
}

static void check(stralloc *sa, char const *want)
{
  assert_true(stralloc_0(sa));
  assert_string_equal(sa->s, want);
  sa->len = 0;
}

static void bounce_head(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  struct compose c = { .me = "relay.example", .to = "a@b\nBcc: victim@example.com\r\n\n.\n\x80",
    .id = "0660d9bc60154600471c0f", .original = "0660d9bc60154600471c10", .now = 1000000000 };
  assert_true(compose_head(&sa, &c));
  check(&sa, "Date: Sun, 9 Sep 2001 01:46:40 +0000\nFrom: MAILER-DAEMON@relay.example\n"
    "To: a@b Bcc: victim@example.com?  . ?\n"
    "Message-ID: <0660d9bc60154600471c0f@relay.example>\nSubject: failure notice\nAuto-Submitted: auto-replied\n\n"
    "Hi. This is the mail relay at relay.example.\nYour message could not be delivered to the addresses below.\n"
    "No further attempt will be made. Its number here was 0660d9bc60154600471c10.\n");
  stralloc_free(&sa);
}

static void bounce_failure(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  assert_true(compose_failure(&sa, "x\ny@z", "550 no\r\n\n<forged@example.com>:\n\x1b[2J\xff"));
  check(&sa, "\n<x y@z>:\n550 no?  <forged@example.com>: ?[2J?\n");
  assert_true(compose_failure(&sa, "x@z", ""));
  check(&sa, "\n<x@z>:\nNo reason was given.\n");
  static char many[5000];
  memset(many, 'x', sizeof many - 1);
  assert_true(compose_failure(&sa, many, many));
  assert_in_range(sa.len, 1000, 2100);
  stralloc_free(&sa);
}

static void bounce_original(void **state)
{
  struct { char const *s; char const *want; } const cases[] = {
    { "Subject: x\nTo: y\n\nbody\n", "Subject: x\nTo: y\n" }, { "Subject: x\r\n\n", "Subject: x\n" },
    { "\nbody\n", "" }, { "", "" },
    { "Subject: x", "" }, { "A: b\nC: cut he", "A: b\n" }, { "A: \xc3\xbc\n folded\n\n\n", "A: \xc3\xbc\n folded\n" },
  }, *c;
  EACH_CASE(c, cases) {
    stralloc sa = STRALLOC_ZERO;
    char want[256];
    snprintf(want, sizeof want, "\n--- Below this line is the header of the message.\n\n%s", c->want);
    assert_true(compose_original(&sa, c->s, strlen(c->s)));
    check(&sa, want);
    stralloc_free(&sa);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(report_cases), cmocka_unit_test(report_texts), cmocka_unit_test(bounce_head),
    cmocka_unit_test(bounce_failure), cmocka_unit_test(bounce_original),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
