/* lib/report: the records, what a reason says to programs, and the report's text. */
#include "report/compose.h"
#include "queue/store.h"
#include "unit.h"

#define ID "0660d9bc60154600471c0f"
#define S(s) s, sizeof s - 1
#define HEAD "Mrelay.example\0I" ID "\0A1000000000\0B100\0L0\0U1000432000\0"
#define FROM HEAD "Fa@b.example\0"

static void records(void **state)
{
  struct { char const *s; size_t len; unsigned n; } const cases[] = {
    { S(FROM "Tx@y\0W1\0Kfno\0"), 1 }, { S(FROM "PRET=FULL\0Tx@y\0PNOTIFY=FAILURE\0W1\0Kfno\0Tz@y\0W1\0Kr\0"), 2 },
    { S(FROM "Pnonsense\0Tx@y\0Pnonsense\0W1\0Kfno\0"), 1 }, /* those count as none */
    { S(FROM), 0 }, { S(""), 0 }, { S("M"), 0 }, { S(FROM "Tx@y\0W1\0Kfno"), 0 }, { S(FROM "Tx@y\0Kfno\0"), 0 },
    { S(FROM "Tx@y\0W1\0"), 0 }, { S(FROM "Tx@y\0W1\0K\0"), 0 }, { S(FROM "Tx@y\0W1\0Kz\0"), 0 },
    { S(FROM "Tx@y\0W-1\0Kfno\0"), 0 }, { S(FROM "Tx@y\0W1\0Kfno\0X\0"), 0 }, { S(FROM "Tx@y\0W1\0Kfno\0T\0"), 0 },
    { S(HEAD "F\0Tx@y\0W1\0Kfno\0"), 0 }, { S(HEAD "F#@[]\0Tx@y\0W1\0Kfno\0"), 0 }, /* the null senders */
    { S("Mr\0Ibad\0A1\0B1\0L0\0U1\0Fa@b\0Tx@y\0W1\0Kf\0"), 0 },
  }, *c;
  struct notice n;
  EACH_CASE(c, cases) {
    int got = notice_scan(&n, c->s, c->len);
    CHECK(got == (c->n > 0) && n.n == c->n, "case %zu: %d, %u", i_, got, n.n);
    if (got > 0) notice_free(&n);
  }
}

static void written(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  assert_true(notice_put(&sa, 'M', "me") && notice_put_number(&sa, 'A', 17)
    && notice_put_kind(&sa, NOTICE_DELAYED, "x"));
  assert_int_equal(sa.len, 12);
  assert_memory_equal(sa.s, "Mme\0A17\0Kdx", 12);
  stralloc_free(&sa);
}

static void reasons(void **state)
{
  struct { enum notice_kind kind; char const *text, *code, *host, *reply; } const cases[] = {
    { NOTICE_FAILED, "mx.example [192.0.2.1] said: 550 5.1.1 no such user", "5.1.1", "mx.example",
      "550 5.1.1 no such user" },
    { NOTICE_FAILED, "mx.example [192.0.2.1] said: 550 no (#5.9.9)", "5.0.0", "mx.example", "550 no (#5.9.9)" },
    { NOTICE_FAILED, "mx.example said: 550 4.1.1 muddled", "5.0.0", "mx.example", "550 4.1.1 muddled" },
    { NOTICE_FAILED, "mx.example said: 550 5.1.1", "5.1.1", "mx.example", "550 5.1.1" },
    { NOTICE_FAILED, "mx.example said: 550 5.1.1.1 no", "5.0.0", "mx.example", "550 5.1.1.1 no" },
    { NOTICE_FAILED, "mx.example said: 550 5.1000.1 no", "5.0.0", "mx.example", "550 5.1000.1 no" },
    { NOTICE_FAILED, "there is no domain x (#5.1.2)", "5.1.2", "", 0 },
    { NOTICE_FAILED, "a (#4.1.2) then b (#5.4.6)", "5.4.6", "", 0 },
    { NOTICE_FAILED, "", "5.0.0", "", 0 }, { NOTICE_FAILED, " said: 550 x", "5.0.0", "", 0 },
    { NOTICE_FAILED, "he said: nothing", "5.0.0", "", 0 },
    { NOTICE_EXPIRED, "mx.example said: 451 4.7.1 later", "4.4.7", "mx.example", "451 4.7.1 later" },
    { NOTICE_EXPIRED, "no answer (#4.4.1)", "4.4.7", "", 0 },
    { NOTICE_DELAYED, "mx.example said: 451 4.7.1 later", "4.7.1", "mx.example", "451 4.7.1 later" },
    { NOTICE_DELAYED, "no answer (#4.4.1)", "4.4.1", "", 0 },
    { NOTICE_RELAYED, "mx.example said: 250 2.6.0 queued", "2.6.0", "mx.example", "250 2.6.0 queued" },
    { NOTICE_DELIVERED, "mx.example said: 250 ok", "2.0.0", "mx.example", "250 ok" },
    { NOTICE_EXPANDED, "", "2.0.0", "", 0 },
  }, *c;
  struct compose_reason r;
  EACH_CASE(c, cases) {
    compose_reason(&r, c->kind, c->text);
    CHECK(!strcmp(r.code, c->code), "%s: %s", c->text, r.code);
    CHECK(r.host_len == strlen(c->host) && !strncmp(r.host ? r.host : "", c->host, r.host_len), "%s: host", c->text);
    CHECK(c->reply ? r.reply && !strcmp(r.reply, c->reply) : !r.reply, "%s: reply", c->text);
  }
}

static void check(stralloc *sa, char const *want)
{
  assert_true(stralloc_append(sa, 0));
  assert_string_equal(sa->s, want);
  sa->len = 0;
}

/* What comes from outside can neither end a line nor a part. */
static void text(void **state)
{
  static char const in[] = HEAD "Fa@b\nBcc: victim@example.com\0PRET=HDRS ENVID=Q+20Q+2B1\0"
    "Tx\r\ny@z\0PORCPT=rfc822;Bob+2Bx@y\0W1000000100\0Kfmx.example said: 550 5.1.1 no\n\n--b\n\x1b[2J\xff\0"
    "Tren\xc3\xa9@z\0PORCPT=utf-8;ren\\x{E9}@y\0W1000000100\0Kdbusy (#4.4.1)\0";
  struct notice n;
  stralloc sa = STRALLOC_ZERO;
  assert_int_equal(notice_scan(&n, in, sizeof in - 1), 1);
  struct compose c = { .notice = &n, .id = ID, .boundary = "b", .now = 1000000200 };
  assert_true(compose_head(&sa, &c));
  check(&sa, "Date: Sun, 9 Sep 2001 01:50:00 +0000\nFrom: Mail Delivery System <MAILER-DAEMON@relay.example>\n"
    "To: <a@b Bcc: victim@example.com>\nMessage-ID: <" ID "@relay.example>\n"
    "Subject: Delivery Status Notification (Failure)\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
    "Content-Type: multipart/report; report-type=delivery-status;\n  boundary=\"b\"\n\n");
  assert_true(compose_words(&sa, &c));
  check(&sa, "--b\nContent-Type: text/plain; charset=us-ascii\n\nThis is the mail relay at relay.example, "
    "about the message that\ncame here on Sun, 9 Sep 2001 01:46:40 +0000 and had the number " ID ".\n\n"
    "It could not be delivered to the addresses below. No further attempt will be made.\n\n<x? y@z>:\n"
    "  mx.example said: 550 5.1.1 no  --b ?[2J?\n\n"
    "It could not yet be delivered to the addresses below. This is only a warning,\n"
    "you need not send it again: it is tried until Fri, 14 Sep 2001 01:46:40 +0000.\n\n"
    "<ren??@z>:\n  busy (#4.4.1)\n\n");
  assert_true(compose_status(&sa, &c));
  check(&sa, "--b\nContent-Type: message/delivery-status\n\nOriginal-Envelope-Id: Q Q+1\n"
    "Reporting-MTA: dns; relay.example\nArrival-Date: Sun, 9 Sep 2001 01:46:40 +0000\n\n"
    "Original-Recipient: rfc822;Bob+x@y\nFinal-Recipient: rfc822;x? y@z\nAction: failed\nStatus: 5.1.1\n"
    "Remote-MTA: dns; mx.example\nDiagnostic-Code: smtp; 550 5.1.1 no  --b ?[2J?\n"
    "Last-Attempt-Date: Sun, 9 Sep 2001 01:48:20 +0000\n\n"
    "Original-Recipient: utf-8;ren\\x{E9}@y\nFinal-Recipient: utf-8;ren\\x{E9}@z\nAction: delayed\nStatus: 4.4.1\n"
    "Last-Attempt-Date: Sun, 9 Sep 2001 01:48:20 +0000\nWill-Retry-Until: Fri, 14 Sep 2001 01:46:40 +0000\n\n");
  notice_free(&n);
  stralloc_free(&sa);
}

static void third(void **state)
{
  struct { char kind; enum dsn_ret ret; unsigned flags; int eight; char const *want; } const cases[] = {
    { 'f', DSN_RET_NONE, 0, 0, "text/rfc822-headers\n\nA: b\n\n" },
    { 'f', DSN_RET_HDRS, 0, 0, "text/rfc822-headers\n\nA: b\n\n" },
    { 'f', DSN_RET_FULL, 0, 0, "message/rfc822\n\nA: b\n\n" },
    { 'x', DSN_RET_FULL, 0, 0, "message/rfc822\n\nA: b\n\n" },
    { 'd', DSN_RET_FULL, 0, 0, "text/rfc822-headers\n\nA: b\n\n" },
    { 'r', DSN_RET_FULL, 0, 0, "text/rfc822-headers\n\nA: b\n\n" },
    { 'f', DSN_RET_FULL, 0, 1, "message/rfc822\nContent-Transfer-Encoding: 8bit\n\nA: b\n\n" },
    { 'f', DSN_RET_FULL, STORE_FLAG_UTF8, 1, "message/global\nContent-Transfer-Encoding: base64\n\nQTogYg0KAAo=\n\n" },
    { 'f', DSN_RET_HDRS, STORE_FLAG_UTF8, 0,
      "message/global-headers\nContent-Transfer-Encoding: base64\n\nQTogYg0KAAo=\n\n" },
  }, *c;
  stralloc sa = STRALLOC_ZERO;
  char want[256];
  EACH_CASE(c, cases) {
    struct notice_recipient r = { .kind = (enum notice_kind)c->kind, .address = "x@y", .text = "" };
    struct notice n = { .me = "me", .sender = "a@b", .flags = c->flags, .mail.ret = c->ret, .recipient = &r, .n = 1 };
    struct compose co = { .notice = &n, .id = ID, .boundary = "b", .eight = c->eight != 0 };
    assert_true(compose_head(&sa, &co) && stralloc_0(&sa));
    int raw = c->eight && !(c->flags & STORE_FLAG_UTF8); /* RFC 2045 6.4: then all that it is in says so, too */
    CHECK(!!strstr(sa.s, "\nContent-Transfer-Encoding: 8bit\n\n") == raw, "case %zu: %s", i_, sa.s);
    sa.len = 0;
    assert_true(compose_third(&sa, &co, compose_which(&n)) && compose_copy(&sa, &n, "A: b\r\n\0\n", 8)
      && compose_end(&sa, &co));
    snprintf(want, sizeof want, "--b\nContent-Type: %s%s--b--\n", c->want, c->flags ? "" : "\n");
    check(&sa, want);
  }
  stralloc_free(&sa);
}

static void header(void **state)
{
  struct { char const *s; size_t n; } const cases[] = {
    { "Subject: x\nTo: y\n\nbody\n", 17 }, { "Subject: x\r\n\n", 12 }, { "\nbody\n", 0 }, { "", 0 },
    { "Subject: x", 0 },
    { "A: b\nC: cut he", 5 }, { "A: b\n folded\n\n\n", 13 },
  }, *c;
  EACH_CASE(c, cases) CHECK(compose_header(c->s, strlen(c->s)) == c->n, "%s", c->s);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(records), cmocka_unit_test(written), cmocka_unit_test(reasons), cmocka_unit_test(text),
    cmocka_unit_test(third), cmocka_unit_test(header),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
