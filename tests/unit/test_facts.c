/* Facts from options and from lines of the log. */
#include "facts_options.h"
#include "rules_double.h"
#include "base/log.h"
#include "codec/escape.h"

static void all_options(void **state)
{
  read_options((char const *const[]){ "--client", "::ffff:192.0.2.1", "--host=h.example", "--info", "joe",
    "--relayclient=.x",
    "--login", "ann", "--tls", "--pop=bob", "--listener=submission", "--from", "<@a.example:J@B.Example>", "--to",
    "x@[192.0.2.9]", "--mailbox=no", "--mx", "192.0.2.1,2001:db8::1", 0 }, 0);
  struct facts const *f = &q.facts;
  char ip[IP_TEXT];
  ip_fmt(ip, &f->client);
  assert_string_equal(ip, "192.0.2.1");
  assert_string_equal(q.host, "h.example");
  assert_string_equal(q.info, "joe");
  assert_string_equal(q.environment, ".x");
  assert_string_equal(f->login, "ann");
  assert_true(f->login_may_relay && f->tls);
  assert_string_equal(f->stamp, "bob");
  assert_string_equal(f->listener, "submission");
  assert_string_equal(f->sender->text, "J@B.Example");
  assert_string_equal(f->sender->domain, "b.example");
  assert_true(!q.sender_error && !q.recipient_error && q.has_recipient && q.recipient.literal);
  assert_true(f->mailbox == ANSWER_NO && f->mx == ANSWER_YES && f->hosts_n == 2 && f->hosts == q.given.hosts);
  ip_fmt(ip, q.given.hosts + 1);
  assert_string_equal(ip, "2001:db8::1");
}

static void few_options(void **state)
{
  read_options((char const *const[]){ 0 }, 0);
  assert_true(!q.facts.client.len && !q.host && !q.info && !q.environment && !q.facts.login && !q.facts.stamp);
  assert_true(!q.facts.tls && !*q.facts.listener && !q.sender.len && !q.has_recipient);
  assert_true(q.facts.mailbox == ANSWER_NOT_ASKED && q.facts.mx == ANSWER_NOT_ASKED);
  read_options((char const *const[]){ "--norelay", "--login", "ann", "--pop", "--relayclient", "--from=",
    "--client=unknown",
    "--mx=none", "--mailbox=unknown", 0 }, 0);
  assert_true(q.facts.login && !q.facts.login_may_relay && q.facts.stamp && !*q.environment && !q.sender_error);
  assert_true(q.facts.mx == ANSWER_NO && q.facts.mailbox == ANSWER_UNKNOWN && !q.facts.client.len);
  assert_false(q.facts.stamp_unknown);
  read_options((char const *const[]){ "--from", "<>", "--mx", "unknown", "--pop-unknown", 0 }, 0);
  assert_true(!q.sender_error && !q.sender.len && q.facts.mx == ANSWER_UNKNOWN && q.facts.stamp_unknown);
}

static void wrong_options(void **state)
{
  static struct { char const *argv[5], *why; } const cases[] = {
    { { "--client", "1.2.3" }, "no address" }, { { "--client=010.0.0.1" }, "no address" }, { { "--client" },
      "needs a value" },
    { { "--client", "192.0.2.1", "--client", "192.0.2.1" }, "twice" }, { { "--tls=1" }, "no value" }, { { "--login=" },
      "empty" }, { { "--pop-unknown=1" }, "no value" }, { { "--pop", "--pop-unknown" }, "one of them" },
    { { "--norelay" }, "--login" }, { { "--mailbox", "maybe" }, "yes, no" }, { { "--mx", "" }, "IP" }, { { "--mx",
      "yes" }, "IP" },
    { { "--mx", "192.0.2.1," }, "IP" }, { { "--mx", ",192.0.2.1" }, "IP" }, { { "--mx", "a.example" }, "IP" },
    { { "--tl" }, "unknown" }, { { "--tlss" }, "unknown" }, { { "-t" }, "unknown" }, { { "--" }, "unknown" }, { { "" },
      "unknown" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) read_options(cases[i].argv, cases[i].why);
  char *many = malloc(QUESTION_TEXT + 10), hosts[QUESTION_HOSTS * 10 + 10] = "192.0.2.1";
  memset(many, 'a', QUESTION_TEXT);
  many[QUESTION_TEXT] = 0;
  read_options((char const *const[]){ "--host", many, 0 }, "too long");
  many[QUESTION_TEXT - 1] = 0;
  read_options((char const *const[]){ "--host", many, 0 }, 0);
  read_options((char const *const[]){ "--host", many, "--info=", 0 }, "too long");
  free(many);
  for (int i = 1; i < QUESTION_HOSTS; i++) strcat(hosts, ",192.0.2.1");
  read_options((char const *const[]){ "--mx", hosts, 0 }, 0);
  assert_int_equal(q.facts.hosts_n, QUESTION_HOSTS);
  strcat(hosts, ",::1");
  read_options((char const *const[]){ "--mx", hosts, 0 }, "IP");
}

/* Addresses are read as SMTP reads them. */
static void addresses(void **state)
{
  static struct { char const *text; enum address_error sender, recipient; } const cases[] = {
    { "a@b.example", 0, 0 }, { "<a@b.example>", 0, 0 }, { "<@x.example,@y.example:a@b.example>", 0, 0 },
    { "@x.example:a@b.example", 0, 0 }, { "", 0, ADDRESS_SYNTAX }, { "<>", 0, ADDRESS_SYNTAX },
    { "postmaster", ADDRESS_SYNTAX, 0 }, { "<PostMaster>", ADDRESS_SYNTAX, 0 }, { "joe", ADDRESS_SYNTAX,
      ADDRESS_SYNTAX },
    { "a@b@c.example", ADDRESS_SYNTAX, ADDRESS_SYNTAX }, { "<a@b.example> x", ADDRESS_SYNTAX, ADDRESS_SYNTAX },
    { "<a@b.example", ADDRESS_SYNTAX, ADDRESS_SYNTAX }, { "a@b.example>", ADDRESS_SYNTAX, ADDRESS_SYNTAX },
    { "\"a b\"@c.example", 0, 0 }, { "\"a>\"@c.example", 0, 0 }, { "\xc3\xbc@b.example", 0, 0 },
    { "a@1.2.3.4", ADDRESS_SYNTAX, ADDRESS_SYNTAX }, { "a@[1.2.3.4]", 0, 0 }, { "a\n@b.example", ADDRESS_SYNTAX,
      ADDRESS_SYNTAX },
  };
  char *big = malloc(70000);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    question_init(&q);
    question_sender(&q, cases[i].text, strlen(cases[i].text));
    question_recipient(&q, cases[i].text, strlen(cases[i].text));
    CHECK(q.sender_error == cases[i].sender && q.recipient_error == cases[i].recipient, "%s: %d %d", cases[i].text,
      q.sender_error, q.recipient_error);
  }
  memset(big, 'a', 70000);
  for (size_t n = 256; n < 70000; n += n < 2100 ? 1 : 9973) {
    question_init(&q);
    memcpy(big + n - 3, "@b.", 3);
    question_recipient(&q, big, n);
    CHECK(q.recipient_error == (n - 3 <= LIMIT_LOCAL_PART ? ADDRESS_OK : ADDRESS_TOO_LONG) ||
      (n - 3 <= LIMIT_LOCAL_PART &&
      q.recipient_error == ADDRESS_OK), "%zu: %d", n, q.recipient_error);
    memset(big + n - 3, 'a', 3);
  }
  free(big);
}

/* A line for the log as relay-smtpd writes it; `field`s in pairs, null-terminated. */
static char const *line_of(char const *const *fields)
{
  static char line[20000];
  size_t n = (size_t)sprintf(line, "relay-smtpd: event=recipient pid=1");
  for (; *fields; fields += 2) {
    n += (size_t)sprintf(line + n, " %s=", fields[0]);
    n += codec_escape(line + n, fields[1], strlen(fields[1]));
    line[n] = 0;
  }
  return line;
}

#define BASICS "client", "192.0.2.1", "verdict", "refused", "sender", "a@b.example", "recipient", "c@d.example"

static void log_lines(void **state)
{
  struct logged l;
  char const *why, *s = line_of((char const *const[]){ BASICS, "reason", "denied", "rule", "relay:3", "helo", "x y=z",
    "host",
    "h \\\"=\n.example", "info", "\xff", "listener", "submission", "trusted", "environment", "relayclient", ".x",
      "norelay", "1",
    "login", "ann", "tls", "1", "pop", "bob", "mailbox", "no", "mx", "192.0.2.1,::1", "becomes", "c@d.example.x",
    "becomes-mailbox", "yes", "becomes-mx", "unknown", "id", "17", "later", "field", 0 });
  static char const *const before[] = { "", "@400000006abc relay: ", "Nov 22 11:00:00 host tag[17]: ", "  ",
    "event=recipient " };
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
    char line[20000];
    size_t n = (size_t)sprintf(line, "%s%s", before[i], s);
    assert_int_equal(question_log(&q, &l, line, n, &why), LOGGED_OK);
    assert_string_equal(q.host, "h \\\"=\n.example");
    assert_string_equal(q.info, "\xff");
    assert_string_equal(q.facts.listener, "submission");
    assert_string_equal(q.environment, ".x");
    assert_string_equal(q.facts.login, "ann");
    assert_true(!q.facts.login_may_relay && q.facts.tls && q.facts.mailbox == ANSWER_NO && q.facts.mx == ANSWER_YES);
    assert_string_equal(q.facts.stamp, "bob");
    assert_true(q.facts.hosts_n == 2 && q.becomes.mailbox == ANSWER_YES && q.becomes.mx == ANSWER_UNKNOWN && q.apart);
    assert_true(!strcmp(q.sender.text, "a@b.example") && !strcmp(q.recipient.text, "c@d.example"));
    assert_string_equal(l.verdict, "refused");
    assert_string_equal(l.reason, "denied");
    assert_true(!strcmp(l.rule, "relay:3") && !strcmp(l.trusted, "environment"));
    assert_string_equal(l.becomes, "c@d.example.x");
    assert_string_equal(l.id, "17");
  }
  s = line_of((char const *const[]){ "client", "unknown", "verdict", "accepted", "sender", "", "recipient",
    "Postmaster",
    "trusted", "clients:7", "relayclient", ".x", "login", "ann", "pop-unknown", "1", 0 });
  assert_int_equal(question_log(&q, &l, s, strlen(s), &why), LOGGED_OK);
  assert_true(!q.facts.client.len && !q.sender.len && q.recipient.local_len == 10 && !q.environment &&
    q.facts.login_may_relay && q.facts.stamp_unknown && !q.facts.stamp);
  assert_true(!*l.rule && !*l.id && !strcmp(l.trusted, "clients:7"));
}

static void wrong_lines(void **state)
{
  static char const *const other[] = { "", "relay-smtpd:", "relay-smtpd: event=connect client=192.0.2.1", "x",
    "relay-send: event=recipient client=192.0.2.1", "relay-smtpd: pid=1 event=recipient",
      "relay-smtpd: event=recipient2" };
  static struct { char const *fields[12], *why; } const bad[] = {
    { { "client", "192.0.2.1", "verdict", "refused", "sender", "a@b.example" }, "no client" },
    { { "client", "192.0.2.1", "verdict", "refused", "recipient", "a@b.example" }, "no client" },
    { { "verdict", "refused", "sender", "", "recipient", "a@b.example" }, "no client" },
    { { BASICS, "client", "192.0.2.1" }, "twice" }, { { BASICS, "tls", "yes" }, "can't be" }, { { BASICS, "mx", "x" },
      "can't be" },
    { { BASICS, "mailbox", "" }, "can't be" }, { { BASICS, "norelay", "" }, "can't be" },
    { { BASICS, "pop-unknown", "" }, "can't be" },
    { { "client", "x", "verdict", "refused", "sender", "", "recipient", "a@b.example" }, "can't be" },
    { { "client", "::1", "verdict", "refused", "sender", "x", "recipient", "a@b.example" }, "can't be" },
    { { "client", "::1", "verdict", "refused", "sender", "", "recipient", "" }, "can't be" },
  };
  static char const *const raw[] = { " x", " host=a\\", " host=\\q", " host=a=b", " host=\"", " host=a\tb" };
  struct logged l;
  char const *why;
  for (size_t i = 0; i < sizeof other / sizeof *other; i++)
    CHECK(question_log(&q, &l, other[i], strlen(other[i]), &why) == LOGGED_OTHER, "%s", other[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char const *s = line_of(bad[i].fields);
    CHECK(question_log(&q, &l, s, strlen(s), &why) == LOGGED_BAD && strstr(why, bad[i].why), "%s: %s", s,
      why ? why : "read");
  }
  for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
    char line[500];
    size_t n = (size_t)sprintf(line, "%s%s", line_of((char const *const[]){ BASICS, 0 }), raw[i]);
    CHECK(question_log(&q, &l, line, n, &why) == LOGGED_BAD, "%s", line);
  }
}

/* What base/log.h cut is not taken for the whole. */
static void cut_lines(void **state)
{
  struct logged l;
  char const *why;
  char helo[LOG_LINE], line[2 * LOG_LINE];
  char const *fields[] = { BASICS, "helo", helo, 0 };
  size_t n = strlen(line_of((char const *const[]){ BASICS, "helo", "", 0 })), more = LOG_LINE - 2 - n;
  memset(helo, 'a', more + 1);
  helo[more] = 0;
  n = (size_t)sprintf(line, "@stamp %s", line_of(fields));
  assert_int_equal(question_log(&q, &l, line, n, &why), LOGGED_OK);
  helo[more] = 'a';
  helo[more + 1] = 0;
  n = (size_t)sprintf(line, "@stamp %s", line_of(fields));
  assert_int_equal(question_log(&q, &l, line, n, &why), LOGGED_BAD);
  assert_non_null(strstr(why, "cut"));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(all_options), cmocka_unit_test(few_options), cmocka_unit_test(wrong_options),
    cmocka_unit_test(addresses), cmocka_unit_test(log_lines), cmocka_unit_test(wrong_lines),
    cmocka_unit_test(cut_lines),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
