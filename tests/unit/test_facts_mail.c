/* Facts from the line of the log about a sender that the login may not use: it has no recipient. */
#include "unit.h"
#include "rules_double.h"
#include "facts/facts.h"

/* MAIL with a sender that the login may not use. */
static void at_mail(void **state)
{
#define AT_MAIL "relay-smtpd: event=refused pid=7 client=192.0.2.1 command=MAIL code=553"
#define NOT_YOURS " reason=sender-not-yours"
#define REST " sender=a@b.example listener=submission login=bob norelay=1 wrong-sender=1 tls=1"
  static struct { char const *line; enum logged_status status; } const cases[] = {
    { AT_MAIL NOT_YOURS REST, LOGGED_OK }, { AT_MAIL REST NOT_YOURS, LOGGED_OK },
    { AT_MAIL REST, LOGGED_OTHER }, { AT_MAIL " reason=login-first" REST, LOGGED_OTHER },
    { AT_MAIL " reason=sender-not-yours2" REST, LOGGED_OTHER },
    { AT_MAIL NOT_YOURS NOT_YOURS REST, LOGGED_BAD }, { AT_MAIL NOT_YOURS REST " recipient=c@d.example", LOGGED_BAD },
    { AT_MAIL NOT_YOURS REST " verdict=accepted", LOGGED_BAD }, { AT_MAIL NOT_YOURS " sender=a@b.example", LOGGED_BAD },
    { AT_MAIL NOT_YOURS " login=bob wrong-sender=1", LOGGED_BAD },
    { AT_MAIL NOT_YOURS " sender=a@b.example login=bob", LOGGED_BAD },
    { AT_MAIL NOT_YOURS " sender=a@b.example wrong-sender=1", LOGGED_BAD },
    { AT_MAIL NOT_YOURS " sender=a@b.example login=bob wrong-sender=0", LOGGED_BAD },
  }, *c;
  struct table_set *t = rules("", "hosted.example\n", "grant login\n", 0, 0);
  static struct question q;
  struct logged l;
  struct outcome o;
  char const *why;
  EACH_CASE(c, cases) {
    enum logged_status status = question_log(&q, &l, c->line, strlen(c->line), &why);
    CHECK(status == c->status && !!why == (status == LOGGED_BAD), "%s: %d", c->line, status);
    if (status != LOGGED_OK) continue;
    assert_true(!q.has_recipient && q.facts.wrong_sender && !q.facts.login_may_relay && q.facts.tls);
    assert_string_equal(l.verdict, "refused");
    assert_string_equal(l.reason, reason_word(REASON_WRONG_SENDER));
    question_decide(&o, &q, t);
    assert_true(o.stage == STAGE_GIVEN && o.decision.verdict == VERDICT_REFUSE);
    assert_int_equal(o.decision.reason, REASON_WRONG_SENDER);
  }
  table_close(t);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(at_mail),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
