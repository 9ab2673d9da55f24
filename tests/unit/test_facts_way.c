/* The way of a recipient through gate and decision. */
#include "facts_options.h"
#include "rules_double.h"

/* Gate, syntax, decision, RELAYCLIENT's value. */
static void way(void **state)
{
  static struct { char const *argv[10]; enum stage stage; enum verdict verdict; enum reason reason; } const cases[] = {
    { { "--client=192.0.2.66", "--to=x" }, STAGE_GATE, VERDICT_REFUSE, REASON_DENIED },
    { { "--client=192.0.2.1", "--from=x", "--to=x" }, STAGE_SENDER, VERDICT_REFUSE, REASON_COUNT },
    { { "--client=192.0.2.1", "--to=x" }, STAGE_RECIPIENT, VERDICT_REFUSE, REASON_COUNT },
    { { "--client=192.0.2.1" }, STAGE_RECIPIENT, VERDICT_REFUSE, REASON_COUNT },
    { { "--client=192.0.2.1", "--to=x@hosted.example" }, STAGE_GIVEN, VERDICT_ACCEPT, REASON_HOSTED },
    { { "--client=192.0.2.1", "--to=x@else.example" }, STAGE_GIVEN, VERDICT_REFUSE, REASON_NOT_GRANTED },
    { { "--client=10.0.0.1", "--to=x@else.example" }, STAGE_GIVEN, VERDICT_ACCEPT, REASON_CLIENT },
    { { "--to=x@else.example", "--relayclient" }, STAGE_GIVEN, VERDICT_ACCEPT, REASON_CLIENT },
    { { "--client=10.0.0.2", "--to=x@else.example" }, STAGE_CHANGED, VERDICT_ACCEPT, REASON_CLIENT },
    { { "--client=10.0.0.2", "--to=x@denied.example" }, STAGE_GIVEN, VERDICT_REFUSE, REASON_DENIED },
    { { "--client=10.0.0.2", "--to=x@denied.exam" }, STAGE_CHANGED, VERDICT_REFUSE, REASON_DENIED },
    { { "--client=10.0.0.2", "--to=postmaster" }, STAGE_CHANGED, VERDICT_ACCEPT, REASON_CLIENT },
    { { "--to=x@else.example", "--relayclient=@" }, STAGE_NOWHERE, VERDICT_TEMPFAIL, REASON_COUNT },
    { { "--client=10.0.0.1", "--to=x@else.example", "--relayclient=@" }, STAGE_GIVEN, VERDICT_ACCEPT, REASON_CLIENT },
    { { "--client=192.0.2.1", "--to=x@else.example", "--login=ann" }, STAGE_GIVEN, VERDICT_ACCEPT, REASON_LOGIN },
    { { "--client=192.0.2.1", "--to=x@else.example", "--login=ann", "--norelay" }, STAGE_GIVEN, VERDICT_REFUSE,
      REASON_NO_PRIVILEGE },
    { { "--listener=submission", "--to=x@hosted.example" }, STAGE_GIVEN, VERDICT_REFUSE, REASON_SUBMISSION },
  };
  struct table_set *t = rules("10.0.0.1:allow,RELAYCLIENT=\"\"\n"
    "10.0.0.2:allow,A=\"b\",RELAYCLIENT=\"ple\"\n192.0.2.66:deny\n:allow\n",
    "hosted.example\nasked.example asked\n", "grant login\ngrant clients\ndeny to denied.example\n", 0, 0);
  struct outcome o;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    read_options(cases[i].argv, 0);
    question_decide(&o, &q, t);
    CHECK(o.stage == cases[i].stage && o.decision.verdict == cases[i].verdict && o.decision.reason == cases[i].reason,
      "case %zu: %d %d %d", i, o.stage, o.decision.verdict, o.decision.reason);
    if (o.stage != STAGE_CHANGED) assert_ptr_equal(q.facts.recipient, &q.recipient);
    if (!strcmp(cases[i].argv[0], "--client=10.0.0.2")) {
      assert_true(q.facts.trusted && q.facts.trusted_by.line == 2 && !strcmp(q.facts.trusted_by.file, "clients"));
      assert_int_equal(o.gate.line, 2);
      assert_string_equal(q.relayclient, "ple");
    }
    if (o.stage == STAGE_NOWHERE) assert_true(!o.decision.record.line && o.given.record.line &&
      o.given.reason == REASON_CLIENT);
    question_decide(&o, &q, 0);
    assert_true(o.stage == STAGE_GATE && o.decision.verdict == VERDICT_TEMPFAIL && o.decision.reason == REASON_TABLES);
  }
  /* answers about the recipient as given count for what becomes of it unless that has its own */
  read_options((char const *const[]){ "--client=10.0.0.2", "--to=x@asked.exam", "--mailbox=no", 0 }, 0);
  for (int i = 0; i < 3; i++, q.apart = 1) {
    if (i == 2) q.becomes.mailbox = ANSWER_YES;
    question_decide(&o, &q, t);
    assert_int_equal(o.decision.reason, (i == 0 ? REASON_NO_MAILBOX : i == 1 ? REASON_ASK : REASON_CONFIRMED));
  }
  read_options((char const *const[]){ "--client=10.0.0.2", "--to=postmaster", 0 }, 0);
  question_decide(&o, &q, t);
  assert_string_equal(o.changed.text, "postmaster@relay.exampleple");
  assert_int_equal(o.given.reason, REASON_HOSTED);
  table_close(t);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(way) };
  return cmocka_run_group_tests(tests, 0, 0);
}
