/* Logins that nobody can be sure of: dialogues that are broken off, checkers that say yes to everybody. */
#include "unit.h"
#include "smtp_cases.h"

#define P "AUTH PLAIN AGJvYgBwYXNz\r\n" /* bob, pass */
#define CRAM "AUTH CRAM-MD5\r\nYm9iIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw\r\n" /* bob, 32 digits */

/* Who cancels each time when the salt is known tries no more often than others. */
static void scram_cancelled(void **state)
{
  static struct double_world d;
#define S1 "AUTH SCRAM-SHA-256 YSxuPWJvYixyPTE=\r\n*\r\n" /* a,n=bob,r=1 */
  static char const in[] = E S1 S1 S1 S1 Q, one[] = E "AUTH SCRAM-SHA-256 YSxuPWJvYixyPTE=\r\n",
    says[] = "mechanisms=SCRAM-SHA-256";
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t, .auth_clear = 1 };
  for (int gone = 0; gone < 2; gone++) {
    d = (struct double_world){ .in = gone ? one : in, .in_len = gone ? sizeof one - 1 : sizeof in - 1, .checker = 1,
      .canary = 2, .attributes = says, .attributes_len = sizeof says, .messages = { "r=1", "v=2" } };
    run_logged(&d, &f);
    char *said = codes(&d);
    assert_string_equal(said, gone ? "220 250 334" :
      "220 250 334 501/5.7.0 334 501/5.7.0 334 501/5.7.0 421/4.7.0");
    assert_true(d.failures == (gone ? 1 : 3) && d.waited == (gone ? 0 : 500 + 1000 + 2000) && !d.misuses);
    assert_non_null(strstr(log_text, "verdict=refused user=bob mechanism=SCRAM-SHA-256"));
    free(said);
  }
  table_close(t);
}

/* A checker that doesn't know us is asked about a stranger before its yes is believed, once. */
static void strangers(void **state)
{
  static char const us[] = "mechanisms=PLAIN";
  static struct { int code, stranger; char const *says, *codes; unsigned probes; int knows; } const cases[] = {
#define YES(code) (code + 1)
    { 0, YES(1), E P Q, "220 250 235/2.7.0" S, 1, 0 }, { 0, YES(100), E P Q, "220 250 235/2.7.0" S, 1, 0 },
    { 0, YES(111), E P Q, "220 250 235/2.7.0" S, 1, 0 }, { 0, YES(2), E P Q, "220 250 235/2.7.0" S, 1, 0 },
    { 0, YES(0), E P P E P Q, "220 250 454/4.7.0 454/4.7.0 250 454/4.7.0" S, 1, 0 },
    { 0, YES(-3), E P P Q, "220 250 454/4.7.0 454/4.7.0" S, 2, 0 },
    { 0, YES(0), E P Q, "220 250 235/2.7.0" S, 0, 1 }, { 1, YES(0), E P P Q, "220 250 535/5.7.8 535/5.7.8" S, 0, 0 },
    { 0, YES(0), E "AUTH LOGIN Ym9i\r\ncGFzcw==\r\n" Q, "220 250 334 454/4.7.0" S, 1, 0 },
    { 0, YES(0), E CRAM Q, "220 250 334 454/4.7.0" S, 1, 0 },
    { 0, YES(1), E CRAM Q, "220 250 334 235/2.7.0" S, 1, 0 },
  }, *c;
  struct table_set *t = rules(0);
  EACH_CASE(c, cases) for (unsigned swap = 0; swap < 2; swap++) {
    static struct double_world d;
    struct server_facts f = { .tables = t, .auth_clear = 1, .challenge_first = swap };
    if (c->knows && swap) continue;
    d = (struct double_world){ .in = c->says, .in_len = strlen(c->says), .checker = 1, .canary = 2, .code = c->code,
      .stranger = c->stranger, .attributes = c->knows ? us : "", .attributes_len = c->knows ? sizeof us : 0 };
    run_logged(&d, &f);
    char *said = codes(&d);
    CHECK(!strcmp(said, c->codes), "case %zu: %s", i_, said);
    CHECK(d.probes == c->probes && !d.misuses, "case %zu: %u probes, %u misuses", i_, d.probes, d.misuses);
    CHECK(d.failures == (c->code ? 2 : 0), "case %zu: %u", i_, d.failures);
    CHECK(!strstr(log_text, "nobody") && !!strstr(log_text, "why=always-yes") == (c->probes && c->stranger == YES(0)),
      "case %zu: %s", i_, log_text);
    free(said);
  }
  table_close(t);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(scram_cancelled), cmocka_unit_test(strangers) };
  return cmocka_run_group_tests(tests, 0, 0);
}
