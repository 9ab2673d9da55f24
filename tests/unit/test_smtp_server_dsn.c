/* What a client asks about notifications: what of it is kept, and how it reaches the injector. */
#include "rcpt_rules.h"
#include "unit.h"

/* Success is for those whom we know: a stranger could have reports of it sent to anybody. */
static void test_success(void **state)
{
  static struct { char const *relayclient, *stamp, *x, *list; } const rows[] = {
    { 0, 0, "NOTIFY=FAILURE,DELAY", "Tx@hosted.example|NOTIFY=NEVER ORCPT=rfc822;list@hosted.example|"
      "Ty@else.example|NOTIFY=NEVER " },
    { "", 0, "NOTIFY=SUCCESS,FAILURE,DELAY", "Elist@hosted.example|NOTIFY=SUCCESS|" },
    { 0, "joe", "NOTIFY=SUCCESS,FAILURE,DELAY", "Elist@hosted.example|NOTIFY=SUCCESS|" },
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static struct double_world d;
    char want[200];
    struct table_set *t = rcpt_rules(0);
    struct server_facts f = { .tables = t, .relayclient = rows[i].relayclient, .stamp = rows[i].stamp,
      .stamp_until = INT64_MAX };
    memset(&d, 0, sizeof d);
    d.in = E "MAIL FROM:<a@far.example>\r\nRCPT TO:<v@hosted.example> NOTIFY=DELAY,SUCCESS,FAILURE\r\nDATA\r\n.\r\n"
      "MAIL FROM:<a@far.example>\r\nRCPT TO:<list@hosted.example> NOTIFY=SUCCESS\r\nDATA\r\n.\r\n" Q;
    d.in_len = strlen(d.in);
    run_logged(&d, &f);
    snprintf(want, sizeof want, "Fa@far.example||Tv@hosted.example|%s|;Fa@far.example||%s", rows[i].x, rows[i].list);
    CHECK(!strncmp(d.sheets.s, want, strlen(want)), "%s", d.sheets.s);
    assert_int_equal(d.finishes, 2);
    table_close(t);
  }
}

/* What is asked reaches the injector as queue/sheet.h has it; a transaction leaves nothing to the next. */
static void test_sheet(void **state)
{
  static struct { char const *says, *sheets; } const rows[] = {
    { "MAIL FROM:<a@far.example>\r\n" TO("x@hosted.example") "DATA\r\n.\r\n", "" },
    { "MAIL FROM:<a@far.example> RET=FULL\r\n" TO("x@hosted.example") "DATA\r\n.\r\n", "Fa@far.example|RET=FULL|;" },
    { "MAIL FROM:<a@far.example>\r\nRCPT TO:<x@hosted.example> NOTIFY=NEVER\r\n" TO("y@hosted.example")
      "DATA\r\n.\r\n",
      "Fa@far.example||Tx@hosted.example|NOTIFY=NEVER|;" },
    { "MAIL FROM:<a@far.example> ENVID=x\r\nRCPT TO:<x@hosted.example> NOTIFY=NEVER\r\nRSET\r\n"
      "MAIL FROM:<b@far.example>\r\n" TO("y@hosted.example") "DATA\r\n.\r\n", "" },
    { "MAIL FROM:<a@far.example>\r\nRCPT TO:<x@nowhere.example> NOTIFY=NEVER\r\n" TO("y@hosted.example")
      "DATA\r\n.\r\n", "" },
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static struct double_world d;
    char in[512];
    struct table_set *t = rcpt_rules(0);
    struct server_facts f = { .tables = t };
    memset(&d, 0, sizeof d);
    snprintf(in, sizeof in, E "%s" Q, rows[i].says);
    d.in = in;
    d.in_len = strlen(in);
    run_logged(&d, &f);
    assert_string_equal(d.sheets.s, rows[i].sheets);
    assert_int_equal(d.finishes, 1);
    assert_int_equal(d.misuses, 0);
    table_close(t);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_success),
    cmocka_unit_test(test_sheet),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
