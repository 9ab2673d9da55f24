/* Parameters of delivery status notifications: what is taken, and its one form. */
#include "parse/dsn.h"
#include "unit.h"

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X100 X50 X50
#define E6 "\xc3\xa9"

/* Takes all parameters of a line; the form comes to `out`. Returns the worst that was said. */
static enum dsn_taken take(char out[DSN_TEXT], char const *line, int rcpt)
{
  struct dsn_mail m = { 0 };
  struct dsn_rcpt r = { 0 };
  struct param p;
  size_t pos = 0;
  int more;
  *out = 0;
  while ((more = params_next(line, strlen(line), &pos, 1, &p)) > 0) {
    enum dsn_taken t = rcpt ? dsn_rcpt_take(&r, &p) : dsn_mail_take(&m, &p);
    if (t != DSN_TAKEN) return t;
  }
  if (more < 0) return DSN_BAD;
  size_t n = rcpt ? dsn_rcpt_fmt(out, &r) : dsn_mail_fmt(out, &m);
  assert_int_equal(strlen(out), n);
  return DSN_TAKEN;
}

static void mail(void **state)
{
  struct { char const *line, *form; } const cases[] = {
    { "", "" }, { " RET=FULL", "RET=FULL" }, { " ret=hdrs", "RET=HDRS" },
    { " ENVID=QQ314159 RET=HDRS", "RET=HDRS ENVID=QQ314159" }, { " ENVID=a+20b+2B", "ENVID=a+20b+2B" },
    { " ENVID=" X100, "ENVID=" X100 }, { " ENVID=" X100 "x", 0 },
    { " RET", 0 }, { " RET=", 0 }, { " RET=FULL RET=FULL", 0 }, { " RET=BOTH", 0 }, { " RET=FULLX", 0 },
    { " ENVID", 0 }, { " ENVID=", 0 }, { " ENVID=a ENVID=a", 0 }, { " ENVID=a+", 0 }, { " ENVID=a+2", 0 },
    { " ENVID=a+2b", 0 }, { " ENVID=+0D+0Ax:y", 0 }, { " ENVID=+00", 0 }, { " ENVID=+7F", 0 }, { " ENVID=+C3", 0 },
    { " ENVID=" E6, 0 },
  }, *c;
  char out[DSN_TEXT];
  EACH_CASE(c, cases) {
    enum dsn_taken t = take(out, c->line, 0);
    CHECK(t == (c->form ? DSN_TAKEN : DSN_BAD), "%s: %d", c->line, t);
    CHECK(!c->form || !strcmp(out, c->form), "%s: %s", c->line, out);
  }
  assert_int_equal(take(out, " SIZE=1", 0), DSN_OTHER);
  assert_int_equal(take(out, " NOTIFY=NEVER", 0), DSN_OTHER);
}

static void rcpt(void **state)
{
  struct { char const *line, *form; } const cases[] = {
    { "", "" }, { " NOTIFY=NEVER", "NOTIFY=NEVER" }, { " notify=delay,Success", "NOTIFY=SUCCESS,DELAY" },
    { " NOTIFY=FAILURE ORCPT=rfc822;Bob@Example.com", "NOTIFY=FAILURE ORCPT=rfc822;Bob@Example.com" },
    { " ORCPT=rfc822;a+2Bb@x NOTIFY=SUCCESS,FAILURE,DELAY", "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb@x" },
    { " ORCPT=x-400;/C+3DDE/", "ORCPT=x-400;/C+3DDE/" },
    { " ORCPT=utf-8;ren" E6 "@x", "ORCPT=utf-8;ren\\x{E9}@x" },
    { " ORCPT=UTF-8;ren\\x{E9}@\xf0\x9f\x92\xa9", "ORCPT=UTF-8;ren\\x{E9}@\\x{1F4A9}" },
    { " ORCPT=utf-8;a\\x{2B}b\\x{20}\\x{5C}", "ORCPT=utf-8;a\\x{2B}b\\x{20}\\x{5C}" },
    { " ORCPT=utf-8;\\x{10FFFF}", "ORCPT=utf-8;\\x{10FFFF}" },
    { " ORCPT=utf-8;" E6 X100 X100 X100 X100 X50 X10 X10 X10 X10, "" }, /* longer as ASCII */
    { " NOTIFY", 0 }, { " NOTIFY=", 0 }, { " NOTIFY=NEVER,DELAY", 0 }, { " NOTIFY=DELAY,NEVER", 0 },
    { " NOTIFY=NEVER,NEVER", 0 }, { " NOTIFY=DELAY,DELAY", 0 }, { " NOTIFY=DELAY,", 0 }, { " NOTIFY=,DELAY", 0 },
    { " NOTIFY=,", 0 }, { " NOTIFY=ALWAYS", 0 }, { " NOTIFY=NEVER NOTIFY=NEVER", 0 }, { " NOTIFY=SUCCESS;DELAY", 0 },
    { " ORCPT", 0 }, { " ORCPT=", 0 }, { " ORCPT=rfc822", 0 }, { " ORCPT=rfc822;", 0 }, { " ORCPT=;a@b", 0 },
    { " ORCPT=rf(c;a@b", 0 }, { " ORCPT=rfc822;a@b ORCPT=rfc822;a@b", 0 }, { " ORCPT=rfc822;a+b@c", 0 },
    { " ORCPT=rfc822;a+0Ab@c", 0 }, { " ORCPT=rfc822;" E6 "@c", 0 }, { " ORCPT=utf-8;", 0 },
    { " ORCPT=utf-8;\\x{D800}", 0 }, { " ORCPT=utf-8;\\x{110000}", 0 }, { " ORCPT=utf-8;\\x{41}", 0 },
    { " ORCPT=utf-8;\\x{0E9}", 0 },
    { " ORCPT=utf-8;\\x{E9", 0 }, { " ORCPT=utf-8;\\x{}", 0 }, { " ORCPT=utf-8;\\y", 0 },
    { " ORCPT=utf-8;\\x{A}", 0 }, { " ORCPT=utf-8;a+2Bb", 0 }, { " ORCPT=utf-8;\\x{1234567}", 0 },
    { " ORCPT=rfc822;" X100 X100 X100 X100 X50 X10 X10 X10 X10 "xxx", "ORCPT=rfc822;" X100 X100 X100 X100 X50 X10 X10
      X10 X10 "xxx" },
    { " ORCPT=rfc822;" X100 X100 X100 X100 X50 X10 X10 X10 X10 "xxxx", 0 },
  }, *c;
  char out[DSN_TEXT];
  EACH_CASE(c, cases) {
    enum dsn_taken t = take(out, c->line, 1);
    CHECK(t == (c->form ? DSN_TAKEN : DSN_BAD), "%s: %d", c->line, t);
    CHECK(!c->form || !strcmp(out, c->form), "%s: %s", c->line, out);
  }
  assert_int_equal(take(out, " RET=FULL", 1), DSN_OTHER);
  assert_int_equal(take(out, " EXPANDED", 1), DSN_OTHER);
}

static void scan(void **state)
{
  static char const *const mails[] = { "", "RET=FULL", "RET=HDRS", "ENVID=x+20y", "RET=HDRS ENVID=x" };
  static char const *const rcpts[] = { "", "NOTIFY=NEVER", "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b",
    "ORCPT=utf-8;\\x{E9}", "EXPANDED NOTIFY=SUCCESS", "EXPANDED" };
  static char const *const bad[] = { " ", "x", "RET=FULL ", " RET=FULL", "ret=full", "ENVID=x RET=HDRS",
    "RET=FULL  ENVID=x", "NOTIFY=DELAY,SUCCESS", "NOTIFY=SUCCESS EXPANDED", "EXPANDED EXPANDED", "EXPANDED=1",
    "NOTIFY=NEVER SIZE=1", "ORCPT=utf-8;" E6, "NOTIFY=NEVER\nX", "ENVID=" X100 X100 X100 X100 X100 X100 };
  struct dsn_mail m;
  struct dsn_rcpt r;
  char out[DSN_TEXT];
  for (unsigned i = 0; i < sizeof mails / sizeof *mails; i++) {
    CHECK(dsn_mail_scan(&m, mails[i]), "%s", mails[i]);
    dsn_mail_fmt(out, &m);
    assert_string_equal(out, mails[i]);
  }
  for (unsigned i = 0; i < sizeof rcpts / sizeof *rcpts; i++) {
    CHECK(dsn_rcpt_scan(&r, rcpts[i]), "%s", rcpts[i]);
    dsn_rcpt_fmt(out, &r);
    assert_string_equal(out, rcpts[i]);
  }
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(!dsn_mail_scan(&m, bad[i]) && !m.ret && !*m.envid, "MAIL: %s", bad[i]);
    CHECK(!dsn_rcpt_scan(&r, bad[i]) && !r.notify && !*r.orcpt && !r.expanded, "RCPT: %s", bad[i]);
  }
}

static void wants(void **state)
{
  struct { char const *form; int success, failure, delay; char const *less; } const cases[] = {
    { "", 0, 1, 1, "" }, { "NOTIFY=NEVER", 0, 0, 0, "NOTIFY=NEVER" },
    { "NOTIFY=SUCCESS", 1, 0, 0, "NOTIFY=NEVER" }, { "NOTIFY=SUCCESS,FAILURE", 1, 1, 0, "NOTIFY=FAILURE" },
    { "NOTIFY=DELAY", 0, 0, 1, "NOTIFY=DELAY" },
  }, *c;
  struct dsn_rcpt d;
  char out[DSN_TEXT];
  EACH_CASE(c, cases) {
    assert_true(dsn_rcpt_scan(&d, c->form));
    CHECK(dsn_wants(&d, DSN_SUCCESS) == c->success && dsn_wants(&d, DSN_FAILURE) == c->failure
      && dsn_wants(&d, DSN_DELAY) == c->delay, "%s", c->form);
    dsn_no_success(&d);
    dsn_rcpt_fmt(out, &d);
    assert_string_equal(out, c->less);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(mail), cmocka_unit_test(rcpt), cmocka_unit_test(scan), cmocka_unit_test(wants),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
