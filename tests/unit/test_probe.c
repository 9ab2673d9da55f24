/* The forms of addresses, and what answers to them mean. */
#include <stdlib.h>
#include "unit.h"
#include "probe/report.h"

static struct probe probe;

static int setup(void **state)
{
  struct ip ip = { .b = { 192, 0, 2, 1 }, .len = 4 };
  struct probe_plan *p = &probe.plan;
  memset(&probe, 0, sizeof probe);
  strcpy(p->user, "user");
  strcpy(p->domain, "target.example");
  strcpy(p->sender, "from@outside.example");
  strcpy(p->unlikely, "nobody");
  probe_name_add(&p->names, "mx.own.example", 14, 1);
  probe_literal_add(&p->names, &ip);
  probe_plan_make(p);
  return 0;
}

enum { RCPT, MAIL, HELLO };

/* What a test says behind RCPT TO, or MAIL FROM, or as a greeting. */
static char const *said(unsigned i, int what)
{
  static stralloc sa = STRALLOC_ZERO;
  struct probe_test const *t = &probe.plan.test[i];
  sa.len = 0;
  char const *pattern = what == RCPT ? t->form->rcpt : what == MAIL ? t->form->mail : t->form->hello;
  assert_true(probe_expand(&sa, &probe.plan, t, pattern ? pattern : "") && stralloc_0(&sa));
  return sa.s;
}

static void names(void **state)
{
  struct probe_names n = { .n = 0 };
  struct ip v6 = { .b = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .len = 16 };
  probe_name_add(&n, "MX.Own.Example.", 15, 1);
  probe_name_add(&n, "own.example", 11, 1);       /* there already; and .example alone is nobody's */
  probe_name_add(&n, "bad name", 8, 1);
  probe_name_add(&n, "\x1b[2J", 4, 1);
  probe_name_add(&n, "a.b.example", 11, 0);
  assert_int_equal(n.n, 3);
  assert_string_equal(n.name[0], "mx.own.example");
  assert_string_equal(n.name[1], "own.example");
  assert_string_equal(n.name[2], "a.b.example");
  for (char c = 'a'; c < 'z'; c++) probe_name_add(&n, (char[]){ c, '.', 'x' }, 3, 1);
  assert_int_equal(n.n, PROBE_NAMES - 1);
  probe_literal_add(&n, &v6);
  probe_literal_add(&n, &v6);
  assert_int_equal(n.n, PROBE_NAMES);
  assert_string_equal(n.name[PROBE_NAMES - 1], "[IPv6:2001:db8::1]");
}

static void every_form(void **state)
{
  static char const *const wanted[] = {
    "<user@target.example>", "user@target.example", " <user@target.example>", "<<user@target.example>>",
    "<user%target.example@mx.own.example>", "<user%target.example@own.example>", "<user%target.example@[192.0.2.1]>",
    "<target.example!user@own.example>", "<user@target.example@[192.0.2.1]>", "<\"user@target.example\">",
    "<\"user@target.example\"@mx.own.example>", "<user%target.example>", "<@own.example:user@target.example>",
    "<target.example!user>", "<user@target.example@>", "<target.example!user%own.example>",
    "<user@own.example@target.example>", "<user\xef\xbc\xa0target.example@own.example>",
    "<\xc3\xbcuser@target.example>", "<user@target.example.>",
    "<user@[198.51.100.1]>" /* the other is the server's own */, "<user@[IPv6:2001:db8::1]>",
    "<SRS0=aaaa=aa=target.example=user@own.example>", "<@target.example:nobody@own.example>", "<nobody@[192.0.2.1]>",
  };
  for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) {
    unsigned i = 0;
    while (i < probe.plan.n && strcmp(said(i, RCPT), wanted[k])) i++;
    CHECK(i < probe.plan.n, "no test says %s", wanted[k]);
  }
  static char const *const senders[] = { "<>", "<postmaster@own.example>", "<postmaster@[192.0.2.1]>", "<relay-probe>",
    "<user@target.example>", "<from@outside.example>", "<relay-probe@localhost>" };
  for (size_t k = 0; k < sizeof senders / sizeof *senders; k++) {
    unsigned i = 0;
    while (i < probe.plan.n && strcmp(said(i, MAIL), senders[k])) i++;
    CHECK(i < probe.plan.n, "no test says %s", senders[k]);
  }
  static char const *const hellos[] = { "EHLO mx.own.example", "HELO own.example", "EHLO [192.0.2.1]",
    "HELO [192.0.2.1]", "HELO localhost" };
  for (size_t k = 0; k < sizeof hellos / sizeof *hellos; k++) {
    unsigned i = 0;
    while (i < probe.plan.n && strcmp(said(i, HELLO), hellos[k])) i++;
    CHECK(i < probe.plan.n, "no test says %s", hellos[k]);
  }
}

/* The literal outside is another than the server's own, whichever that is. */
static void literals(void **state)
{
  static struct { char const *own; char const *pattern, *want; } const cases[] = {
    { "198.51.100.1", "$4", "[192.0.2.1]" }, { "192.0.2.1", "$4", "[198.51.100.1]" },
    { "2001:db8::2", "$6", "[IPv6:2001:db8::1]" }, { "2001:db8::1", "$6", "[IPv6:2001:db8:ffff::1]" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    static struct probe_plan plan;
    struct probe_test test = { .name = PROBE_NAMES };
    struct ip ip;
    stralloc sa = STRALLOC_ZERO;
    plan.names.n = 0;
    assert_true(ip_scan(&ip, cases[i].own, strlen(cases[i].own)));
    probe_literal_add(&plan.names, &ip);
    assert_true(probe_expand(&sa, &plan, &test, cases[i].pattern) && stralloc_0(&sa));
    CHECK(!strcmp(sa.s, cases[i].want), "%s: %s", cases[i].own, sa.s);
    stralloc_free(&sa);
  }
}

/* Each test is said once; the target is in each but the controls; nothing could end a line; controls come first. */
static void sound(void **state)
{
  unsigned controls = 1;
  assert_true(probe.plan.n > 60 && probe.plan.n <= PROBE_TESTS);
  for (unsigned i = 0; i < probe.plan.n; i++) {
    struct probe_form const *f = probe.plan.test[i].form;
    char rcpt[1024], mail[1024], hello[1024];
    strcpy(rcpt, said(i, RCPT));
    strcpy(mail, said(i, MAIL));
    strcpy(hello, said(i, HELLO));
    CHECK(!strpbrk(rcpt, "$\r\n") && !strpbrk(mail, "$\r\n") && !strpbrk(hello, "$\r\n"), "%s", f->name);
    int literal = strstr(rcpt, "user@[198.51.100.1]") || strstr(rcpt, "user@[IPv6:2001:db8::1]");
    CHECK(f->control || literal || strstr(rcpt, "target.example"), "%s: %s", f->name, rcpt);
    CHECK(controls || !f->control, "%s: too late", f->name);
    controls = f->control;
    for (unsigned k = 0; k < i; k++) {
      CHECK(strcmp(said(k, RCPT), rcpt) || strcmp(said(k, MAIL), mail) || strcmp(said(k, HELLO), hello), "%s: twice",
        f->name);
    }
    /* what counts as an address outside ends in the target's domain; what counts as our own ends in one of its names */
    size_t n = strlen(rcpt);
    while (n && strchr(">.", rcpt[n - 1])) n--;
    rcpt[n] = 0;
    char const *at = strrchr(rcpt, '@');
    if (f->home == PROBE_OUTSIDE) CHECK(literal || (at && !strcmp(at, "@target.example")), "%s: %s", f->name, rcpt);
    if (f->home == PROBE_OWN) CHECK(at && !strcmp(at + 1, probe.plan.names.name[probe.plan.test[i].name]), "%s", rcpt);
  }
}

static struct probe_form const plain = { .name = "plain", .mail = "<$f>", .rcpt = "<$u@$t>" },
  sender = { .name = "null", .mail = "<>", .rcpt = "<$u@$t>" },
  percent = { .name = "percent", .mail = "<$f>", .rcpt = "<$u%$t@$o>", .home = PROBE_OWN },
  odd = { .name = "brackets", .mail = "<$f>", .rcpt = "<<$u@$t>>" },
  hello = { .name = "hello", .hello = "HELO $o", .mail = "<$f>", .rcpt = "<$u@$t>" },
  bare = { .name = "bare", .mail = "<$f>", .rcpt = "<$u%$t>", .home = PROBE_BARE };

static void judgements(void **state)
{
  enum { NO = PROBE_REFUSED, YES = PROBE_ACCEPTED, HM = PROBE_UNCLEAR };
  static struct {
    struct probe_form const *form;
    enum probe_stage stage;
    char const *text;
    enum probe_control control;
    int known, want;
  } const cases[] = {
    { &plain, PROBE_RCPT, "250 2.1.5 ok", 0, 0, YES }, { &plain, PROBE_RCPT, "251 will forward", 0, 0, YES },
    { &plain, PROBE_DOT, "250 taken", 0, 0, YES },
    { &plain, PROBE_RCPT, "554 5.7.1 <user@target.example>: Relay access denied", 0, 0, NO },
    /* of a recipient outside a mere no says nothing; of a mailbox at home it says all; of a shape, that it is wrong */
    { &plain, PROBE_RCPT, "550 5.7.1 no", 0, 0, HM }, { &plain, PROBE_RCPT, "550 5.7.1 no", 0, 1, HM },
    { &sender, PROBE_RCPT, "550 no", 0, 0, HM }, { &odd, PROBE_RCPT, "550 no", 0, 0, HM },
    { &percent, PROBE_RCPT, "550 5.7.1 no", PROBE_STRICT, 0, NO },
    { &plain, PROBE_RCPT, "501 5.1.3 bad syntax", 0, 0, HM }, { &plain, PROBE_RCPT, "553 no", 0, 0, HM },
    { &odd, PROBE_RCPT, "501 5.1.3 bad syntax", 0, 0, NO }, { &odd, PROBE_RCPT, "553 no", 0, 0, NO },
    { &odd, PROBE_RCPT, "550 5.7.1 no mail to address literals", 0, 0, NO },
    { &sender, PROBE_MAIL, "501 no", 0, 0, NO }, { &sender, PROBE_RCPT, "501 no", 0, 0, HM },
    { &plain, PROBE_MAIL, "501 no", 0, 0, HM }, { &odd, PROBE_DATA, "501 no", 0, 0, HM },
    /* who says to be the server */
    { &hello, PROBE_HELLO, "550 you are not me", 0, 0, NO }, { &hello, PROBE_HELLO, "501 5.5.4 no", 0, 0, NO },
    { &hello, PROBE_HELLO, "550 5.1.2 unknown host", 0, 0, NO },
    { &hello, PROBE_HELLO, "554 5.7.1 Your IP is not allowed", 0, 0, HM },
    { &hello, PROBE_HELLO, "450 later", 0, 0, HM }, { &hello, PROBE_HELLO, "250 hello", 0, 0, HM },
    { &hello, PROBE_HELLO, "", 0, 0, HM },
    { &hello, PROBE_RCPT, "250 ok", 0, 0, YES }, { &hello, PROBE_RCPT, "550 relaying denied", 0, 0, NO },
    { &hello, PROBE_RCPT, "554 5.7.1 <sink.example>: Helo command rejected: that is me", 0, 0, NO },
    { &hello, PROBE_RCPT, "550 no", 0, 0, HM }, { &hello, PROBE_MAIL, "550 no", 0, 0, HM },
    { &plain, PROBE_RCPT, "451 4.7.1 later", 0, 0, HM }, { &plain, PROBE_RCPT, "450 4.2.0 Greylisted", 0, 0, HM },
    { &plain, PROBE_RCPT, "450 4.7.1 Relay access denied", 0, 0, HM },
    { &plain, PROBE_RCPT, "354 what?", 0, 0, HM }, { &plain, PROBE_MAIL, "250 ok", 0, 0, HM },
    /* about the domain, not about us: an echo of our own words must not count */
    { &plain, PROBE_RCPT, "550 5.1.2 <relay-probe@target.example>: Domain not found", 0, 0, HM },
    { &plain, PROBE_RCPT, "550 <relay-probe@target.example>: Recipient address rejected: Domain not found", 0, 1, HM },
    { &plain, PROBE_RCPT, "556 5.1.10 <a@target.example>: does not accept mail (nullMX)", 0, 0, HM },
    { &plain, PROBE_RCPT, "550 Unrouteable address", 0, 0, HM }, { &plain, PROBE_RCPT, "554 5.4.4 no", 0, 0, HM },
    { &plain, PROBE_RCPT, "550 5.1.1 user unknown", 0, 0, HM },
    { &plain, PROBE_RCPT, "550 5.1.1 user unknown", 0, 1, NO },
    { &percent, PROBE_RCPT, "550 5.1.1 user unknown", PROBE_STRICT, 0, NO },
    { &percent, PROBE_RCPT, "550 Unrouteable address", PROBE_STRICT, 0, HM },
    { &percent, PROBE_RCPT, "550 Unrouteable address", PROBE_STRICT, 1, NO },
    { &percent, PROBE_RCPT, "550 Unrouteable address", PROBE_TAKES_ALL, 1, HM },
    /* about us */
    { &plain, PROBE_RCPT, "554 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org", 0, 0, HM },
    { &plain, PROBE_RCPT, "554 5.7.1 relay-probe.example: Helo command rejected: no name", 0, 0, HM },
    { &plain, PROBE_RCPT, "530 5.7.0 Must issue a STARTTLS command first", 0, 0, HM },
    { &plain, PROBE_MAIL, "530 5.7.0 Must issue a STARTTLS command first", 0, 0, HM },
    { &plain, PROBE_MAIL, "530 5.7.0 Authentication required", 0, 0, NO }, { &plain, PROBE_MAIL, "530 no", 0, 0, NO },
    /* about the sender */
    { &plain, PROBE_MAIL, "550 5.1.8 no", 0, 0, HM }, { &sender, PROBE_MAIL, "550 5.1.8 no", 0, 0, NO },
    { &plain, PROBE_MAIL, "550 no", 0, 0, HM }, { &sender, PROBE_MAIL, "550 no", 0, 0, NO },
    { &sender, PROBE_MAIL, "450 4.1.8 no", 0, 0, HM },
    { &plain, PROBE_RCPT, "550 5.7.1 <a@b.example>: Sender address rejected: Access denied", 0, 0, HM },
    { &sender, PROBE_RCPT, "550 5.7.1 <a@b.example>: Sender address rejected: Access denied", 0, 0, NO },
    { &sender, PROBE_RCPT, "250 ok", 0, 0, YES },
    /* what could be a mailbox */
    { &percent, PROBE_RCPT, "250 ok", PROBE_STRICT, 0, YES },
    { &percent, PROBE_RCPT, "250 ok", PROBE_TAKES_ALL, 0, HM },
    { &percent, PROBE_RCPT, "250 ok", PROBE_NOT_KNOWN, 0, HM },
    { &percent, PROBE_DOT, "250 ok", PROBE_TAKES_ALL, 0, HM },
    { &bare, PROBE_RCPT, "250 ok", PROBE_STRICT, 0, YES }, { &bare, PROBE_RCPT, "250 ok", PROBE_TAKES_ALL, 0, HM },
    { &bare, PROBE_RCPT, "550 5.7.1 no", PROBE_TAKES_ALL, 0, NO },
    /* the text */
    { &plain, PROBE_DATA, "554 5.7.1 Relay access denied", 0, 0, NO }, { &plain, PROBE_DOT, "554 spam", 0, 0, HM },
    { &plain, PROBE_DATA, "554 no valid recipients", 0, 0, HM }, { &plain, PROBE_DATA, "451 no", 0, 0, HM },
    /* no answer */
    { &plain, PROBE_RCPT, "", 0, 0, HM }, { &plain, PROBE_NEVER, "", 0, 0, HM },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char enhanced[16] = "";
    struct probe_answer a = { .stage = cases[i].stage, .code = atoi(cases[i].text), .enhanced = enhanced,
      .text = cases[i].text };
    sscanf(cases[i].text, "%*d %15[0-9.]", enhanced);
    struct probe_verdict v = probe_judge(cases[i].form, &a, cases[i].control, cases[i].known);
    CHECK((int)v.what == cases[i].want && v.why, "%s: %s: %d (%s)", cases[i].form->name, cases[i].text, (int)v.what,
      v.why);
  }
}

static void hung_up(void **state)
{
  static struct { int code; char const *text; int want; } const cases[] = {
    { 421, "421 4.3.2 going down", 1 }, { 501, "501 <a@b.example>: bad Too many syntax or protocol errors", 1 },
    { 550, "550 relay not permitted", 0 }, { 250, "250 too many thanks", 0 }, { 550, "550 <too@many.example> no", 0 },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct probe_answer a = { .stage = PROBE_RCPT, .code = cases[i].code, .enhanced = "", .text = cases[i].text };
    CHECK(probe_hung_up(&a) == cases[i].want, "%s", cases[i].text);
  }
}

static void controls(void **state)
{
  static struct { enum probe_stage stage; int code; char const *text; enum probe_control want; } const cases[] = {
    { PROBE_RCPT, 250, "250 ok", PROBE_TAKES_ALL }, { PROBE_RCPT, 550, "550 no such user", PROBE_STRICT },
    { PROBE_RCPT, 550, "550 relaying denied", PROBE_STRICT }, { PROBE_RCPT, 450, "450 later", PROBE_NOT_KNOWN },
    { PROBE_RCPT, 550, "550 blocked using a list", PROBE_NOT_KNOWN }, { PROBE_MAIL, 550, "550 no", PROBE_NOT_KNOWN },
    { PROBE_RCPT, 530, "530 STARTTLS first", PROBE_NOT_KNOWN }, { PROBE_RCPT, 0, "", PROBE_NOT_KNOWN },
    { PROBE_NEVER, 0, "", PROBE_NOT_KNOWN }, { PROBE_RCPT, 550, "550 Helo command rejected", PROBE_NOT_KNOWN },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct probe_answer a = { .stage = cases[i].stage, .code = cases[i].code, .enhanced = "", .text = cases[i].text };
    CHECK(probe_control_of(&a) == cases[i].want, "%s", cases[i].text);
  }
}

static void sums(void **state)
{
  static struct { unsigned counts[4]; enum probe_judgement want; } const cases[] = {
    { { 0, 0, 0, 0 }, PROBE_UNCLEAR }, { { 5, 0, 0, 0 }, PROBE_UNCLEAR }, { { 5, 40, 0, 0 }, PROBE_REFUSED },
    { { 0, 40, 1, 0 }, PROBE_UNCLEAR }, { { 0, 40, 1, 1 }, PROBE_ACCEPTED }, { { 0, 0, 0, 1 }, PROBE_ACCEPTED },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK(probe_sum(cases[i].counts) == cases[i].want, "case %zu", i);
  }
}

static void message(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  unsigned i = 0;
  while (strcmp(said(i, RCPT), "<user%target.example@own.example>")) i++;
  strcpy(probe.client.name, "mx.own.example [192.0.2.1]");
  assert_true(probe_message(&sa, &probe, i, 1) && stralloc_0(&sa));
  assert_non_null(strstr(sa.s, "From: from@outside.example\r\nTo: user@target.example\r\n"));
  assert_non_null(strstr(sa.s, "Date: Thu, 01 Jan 1970 00:00:01 +0000\r\n"));
  assert_non_null(strstr(sa.s, "percent, own.example\r\nMessage-ID: <nobody."));
  for (char const *p = sa.s; (p = strchr(p, '\n')); p++) assert_true(p[-1] == '\r' && p[1] != '.');
  assert_string_equal(sa.s + sa.len - 3, "\r\n");
  stralloc_free(&sa);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(names), cmocka_unit_test(literals), cmocka_unit_test_setup(every_form, setup),
    cmocka_unit_test_setup(sound, setup), cmocka_unit_test(judgements), cmocka_unit_test(controls),
    cmocka_unit_test(hung_up), cmocka_unit_test(sums), cmocka_unit_test_setup(message, setup),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
