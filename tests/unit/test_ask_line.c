/* The lines between relay-smtpd and relay-ask, both ways. */
#include "unit.h"
#include "ask/line.h"

static void queries(void **state)
{
  static struct { char const *in; size_t n; int kind; char const *subject; } const cases[] = {
    { "recipient a@b.example", 0, ASK_RECIPIENT, "a@b.example" },
    { "recipient \"a b\"@b.example", 0, ASK_RECIPIENT, "\"a b\"@b.example" },
    { "recipient \303\244@b.example", 0, ASK_RECIPIENT, "\303\244@b.example" },
    { "hosts b.example", 0, ASK_HOSTS, "b.example" },
    { "recipient  x", 0, ASK_RECIPIENT, " x" }, /* what it is worth is not this room's to say */
    { "", 0, -1, 0 }, { "hosts", 0, -1, 0 }, { "hosts ", 0, -1, 0 }, { "recipient ", 0, -1, 0 },
    { "Hosts b.example", 0, -1, 0 }, { " hosts b.example", 0, -1, 0 }, { "hosting b.example", 0, -1, 0 },
    { "hosts a\0b", 9, -1, 0 }, { "hosts a\rb", 0, -1, 0 }, { "hosts a\nb", 0, -1, 0 }, { "hosts\tb", 0, -1, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct ask_query q;
    char out[ASK_QUESTION];
    int r = ask_query_scan(&q, c->in, c->n ? c->n : strlen(c->in));
    CHECK(r == (c->kind >= 0), "`%s`", c->in);
    if (!r) continue;
    CHECK((int)q.kind == c->kind && !strcmp(q.subject, c->subject), "`%s`", c->in);
    size_t n = ask_query_fmt(out, q.kind, q.subject);
    CHECK(n == strlen(c->in) + 1 && !memcmp(out, c->in, n - 1) && out[n - 1] == '\n', "`%s` back", c->in);
  }
}

static void longest_query(void **state)
{
  char subject[ASK_SUBJECT + 2], line[ASK_QUESTION + 1];
  struct ask_query q;
  for (size_t more = 0; more < 2; more++) {
    memset(subject, 'x', ASK_SUBJECT + more);
    subject[ASK_SUBJECT + more] = 0;
    size_t n = ask_query_fmt(line, ASK_RECIPIENT, subject);
    assert_int_equal(n, more ? 0 : ASK_SUBJECT + 11);
    n = (size_t)snprintf(line, sizeof line, "recipient %s", subject);
    assert_int_equal(ask_query_scan(&q, line, n), !more);
  }
  assert_int_equal(ask_query_fmt(line, ASK_HOSTS, ""), 0);
  assert_int_equal(ask_query_fmt(line, ASK_HOSTS, "a\nhosts b"), 0);
  assert_int_equal(ask_query_fmt(line, ASK_HOSTS, "a\rb"), 0);
}

static void answers(void **state)
{
  static struct { int kind; char const *in; size_t n; int answer; unsigned ips; char const *text; } const cases[] = {
    { ASK_RECIPIENT, "yes", 0, ANSWER_YES, 0, "" },
    { ASK_RECIPIENT, "no 550 5.1.1 no such user", 0, ANSWER_NO, 0, "550 5.1.1 no such user" },
    { ASK_RECIPIENT, "no", 0, ANSWER_NO, 0, "" },
    { ASK_RECIPIENT, "unknown later", 0, ANSWER_UNKNOWN, 0, "later" },
    { ASK_RECIPIENT, "unknown", 0, ANSWER_UNKNOWN, 0, "" },
    { ASK_HOSTS, "yes 192.0.2.1", 0, ANSWER_YES, 1, "" },
    { ASK_HOSTS, "yes 192.0.2.1 2001:db8::1", 0, ANSWER_YES, 2, "" },
    { ASK_HOSTS, "no there is no domain x (#5.1.2)", 0, ANSWER_NO, 0, "there is no domain x (#5.1.2)" },
    /* a yes that says less, or more, than it must */
    { ASK_HOSTS, "yes", 0, -1, 0, 0 }, { ASK_RECIPIENT, "yes 192.0.2.1", 0, -1, 0, 0 },
    { ASK_HOSTS, "yes ", 0, -1, 0, 0 }, { ASK_HOSTS, "yes 192.0.2.1 ", 0, -1, 0, 0 },
    { ASK_HOSTS, "yes  192.0.2.1", 0, -1, 0, 0 }, { ASK_HOSTS, "yes 192.0.2.1,192.0.2.2", 0, -1, 0, 0 },
    { ASK_HOSTS, "yes 192.0.2.1 x", 0, -1, 0, 0 }, { ASK_HOSTS, "yes 192.0.2", 0, -1, 0, 0 },
    { ASK_HOSTS, "yes192.0.2.1", 0, -1, 0, 0 }, { ASK_RECIPIENT, "yes ", 0, -1, 0, 0 },
    /* no words of ours */
    { ASK_RECIPIENT, "", 0, -1, 0, 0 }, { ASK_RECIPIENT, "ye", 0, -1, 0, 0 }, { ASK_RECIPIENT, "YES", 0, -1, 0, 0 },
    { ASK_RECIPIENT, "yess", 0, -1, 0, 0 }, { ASK_RECIPIENT, "nope", 0, -1, 0, 0 },
    { ASK_RECIPIENT, "unknownx", 0, -1, 0, 0 }, { ASK_RECIPIENT, " yes", 0, -1, 0, 0 },
    { ASK_RECIPIENT, "yes\r", 0, -1, 0, 0 }, { ASK_RECIPIENT, "250 ok", 0, -1, 0, 0 },
    { ASK_RECIPIENT, "no a\rb", 0, -1, 0, 0 }, { ASK_RECIPIENT, "no a\nb", 0, -1, 0, 0 },
    { ASK_RECIPIENT, "no a\0b", 6, -1, 0, 0 }, { ASK_RECIPIENT, "no \303\244", 0, -1, 0, 0 },
    { ASK_RECIPIENT, "yes\0", 4, -1, 0, 0 }, { ASK_RECIPIENT, "unknown a\177", 0, -1, 0, 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct ask_answer a;
    char out[ASK_ANSWER];
    int r = ask_answer_scan(&a, (enum ask_kind)c->kind, c->in, c->n ? c->n : strlen(c->in));
    CHECK(r == (c->answer >= 0), "`%s`", c->in);
    if (!r) continue;
    CHECK((int)a.state == c->answer && a.n == c->ips && !strcmp(a.text, c->text), "`%s`", c->in);
    size_t n = ask_answer_fmt(out, &a);
    CHECK(n == strlen(c->in) + 1 && !memcmp(out, c->in, n - 1) && out[n - 1] == '\n', "`%s` back", c->in);
  }
}

static void most_addresses(void **state)
{
  struct ask_answer a = { .state = ANSWER_YES }, b;
  char line[ASK_ANSWER + 64];
  for (unsigned i = 0; i < ASK_IPS; i++) {
    a.ip[i] = (struct ip){ .b = { 0x20, 1, 0xd, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      (uint8_t)i }, .len = 16 };
  }
  a.n = ASK_IPS;
  size_t n = ask_answer_fmt(line, &a);
  assert_true(n <= ASK_ANSWER);
  assert_int_equal(ask_answer_scan(&b, ASK_HOSTS, line, n - 1), 1);
  assert_int_equal(b.n, ASK_IPS);
  for (unsigned i = 0; i < ASK_IPS; i++) assert_memory_equal(b.ip[i].b, a.ip[i].b, 16);
  memcpy(line + n - 1, " ::2", 4); /* one more */
  assert_int_equal(ask_answer_scan(&b, ASK_HOSTS, line, n + 3), 0);
}

/* A text that is too long is cut, by whoever gets it; bytes that would break the line are not sent. */
static void texts(void **state)
{
  struct ask_answer a = { .state = ANSWER_NO }, b;
  char line[ASK_ANSWER], more[2 * ASK_TEXT] = "no ";
  memset(a.text, 'x', ASK_TEXT - 1);
  size_t n = ask_answer_fmt(line, &a);
  assert_int_equal(ask_answer_scan(&b, ASK_RECIPIENT, line, n - 1), 1);
  assert_string_equal(b.text, a.text);
  memset(more + 3, 'x', ASK_TEXT);
  assert_int_equal(ask_answer_scan(&b, ASK_RECIPIENT, more, 3 + ASK_TEXT), 1);
  assert_string_equal(b.text, a.text);
  strcpy(a.text, "a\nyes\r\t\303\244 b");
  n = ask_answer_fmt(line, &a);
  assert_int_equal(ask_answer_scan(&b, ASK_RECIPIENT, line, n - 1), 1);
  assert_string_equal(b.text, "a?yes???? b");
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(queries), cmocka_unit_test(longest_query), cmocka_unit_test(answers),
    cmocka_unit_test(most_addresses), cmocka_unit_test(texts),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
