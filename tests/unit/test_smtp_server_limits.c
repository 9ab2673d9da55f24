/* The receiving session, in memory (smtp_double.h): limits, the injector's verdicts, trace, log, and how sessions
 * end. */
#include "smtp_cases.h"
#include "base/io.h"
#include "smtp/reply.h"

/* A message of n bytes (with CRLF) by DATA. */
static void sized(size_t n, size_t line, char const *limits, char const *databytes, char const *want)
{
  static struct double_world d;
  struct table_set *t = rules(limits);
  struct server_facts f = { .tables = t, .databytes = databytes };
  char *in = malloc(n + 4096), *p = in, *got;
  memset(&d, 0, sizeof d);
  p += sprintf(p, EMR "DATA\r\n");
  for (size_t left = n; left; ) {
    size_t now = left < line + 2 ? left : left - (line + 2) == 1 ? line + 1 : line + 2;
    memset(p, 'x', now - 2);
    memcpy(p + now - 2, "\r\n", 2);
    p += now;
    left -= now;
  }
  p += sprintf(p, ".\r\n");
  d.in = in;
  d.in_len = (size_t)(p - in);
  run_logged(&d, &f);
  got = codes(&d);
  assert_string_equal(got, want);
  free(got);
  free(in);
  table_close(t);
}

static void test_limits(void **state)
{
  (void)state;
  sized(200, 78, LIMITS_SMALL, 0, A "354 250/2.6.0");
  sized(201, 78, LIMITS_SMALL, 0, A "354 552/5.3.4");
  sized(201, 78, LIMITS_SMALL, "201", A "354 250/2.6.0");
  sized(202, 78, LIMITS_SMALL, "201", A "354 552/5.3.4");
  sized(5000, 78, LIMITS_SMALL, "0", A "354 250/2.6.0");
  sized(201, 78, LIMITS_SMALL, "rubbish", A "354 552/5.3.4");
  sized(1000, 998, LIMITS_SMALL, "0", A "354 250/2.6.0");
  sized(1001, 999, LIMITS_SMALL, "0", A "354 500/5.6.0");
  sized(1 << 20, 78, "size=1048576", 0, A "354 250/2.6.0");
  sized((1 << 20) + 1, 78, "size=1048576", 0, A "354 552/5.3.4");
  sized(1 << 20, 78, "size=0", 0, A "354 250/2.6.0");
}

static void test_command_line(void **state)
{
  (void)state;
  static struct double_world d;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t };
  for (size_t n = LIMIT_COMMAND_LINE - 2; n <= LIMIT_COMMAND_LINE + 3; n++) {
    char in[2 * LIMIT_COMMAND_LINE], *got;
    memset(&d, 0, sizeof d);
    memset(in, 'x', sizeof in);
    memcpy(in, "NOOP ", 5);
    memcpy(in + n - 2, "\r\nNOOP\r\n", 8);
    d.in = in;
    d.in_len = n + 6;
    run_logged(&d, &f);
    got = codes(&d);
    assert_string_equal(got, n <= LIMIT_COMMAND_LINE ? "220 250/2.0.0 250/2.0.0" : "220 500/5.5.6 250/2.0.0");
    free(got);
  }
  table_close(t);
}

/* An injector's verdicts. */
static void test_results(void **state)
{
  (void)state;
  static struct { int code; char kind; char const *text, *want; } const cases[] = {
    { 0, 0, "", "250 2.6.0 accepted as 0000000000000000000001\r\n" },
    { 11, 'D', "", "553 5.1.0 " }, { 31, 'D', "", "554 5.3.0 " }, { 12, 'D', "", "554 5.3.0 " }, { 40, 'D', "",
    "554 5.3.0 " },
    { 10, 'Z', "", "451 4.3.0 " }, { 41, 'Z', "", "451 4.3.0 " }, { 51, 'Z', "", "451 4.3.0 " }, { 52, 'Z', "",
    "451 4.4.5 " },
    { 53, 'Z', "", "451 4.3.1 " }, { 54, 'Z', "", "451 4.3.0 " }, { 61, 'Z', "", "451 4.3.0 " }, { 71, 'Z', "",
    "451 4.4.1 " },
    { 74, 'Z', "", "451 4.4.1 " }, { 81, 'Z', "", "451 4.3.0 " }, { 91, 'Z', "", "451 4.3.0 " }, { 111, 'Z', "",
    "451 4.3.0 " },
    { 82, 'D', "no spam please", "554 5.3.0 no spam please\r\n" }, { 82, 'D', "5.7.9 no", "554 5.7.9 no\r\n" },
    { 82, 'D', "4.7.9 no", "554 5.3.0 4.7.9 no\r\n" }, { 82, 'Z', "4.7.1 greylisted", "451 4.7.1 greylisted\r\n" },
    { 82, 'Z', "later", "451 4.3.0 later\r\n" }, { 82, 'Z', "", "451 4.3.0 the message cannot be queued" },
  };
  static struct double_world d;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    memset(&d, 0, sizeof d);
    d.in = EMR "DATA\r\na: b\r\n.\r\n";
    d.in_len = strlen(d.in);
    d.result.code = cases[i].code;
    d.result.kind = cases[i].kind;
    strcpy(d.result.text, cases[i].text);
    run_logged(&d, &f);
    char const *last = strstr(d.replies.s, "354 ");
    assert_non_null(last);
    last = strstr(last, "\r\n") + 2;
    assert_memory_equal(last, cases[i].want, strlen(cases[i].want));
    assert_non_null(strstr(log_text, cases[i].code ? "event=message" : "verdict=accepted"));
  }
  memset(&d, 0, sizeof d);
  d.in = EMR R "DATA\r\n";
  d.in_len = strlen(d.in);
  d.start_errno = EMFILE;
  run_logged(&d, &f);
  char *got = codes(&d);
  assert_string_equal(got, "220 250 250/2.1.0 451/4.3.0 451/4.3.0 503/5.5.1");
  free(got);
  table_close(t);
}

static char const *trace_of(struct double_world *d, struct server_facts const *f, char const *says)
{
  memset(d, 0, sizeof *d);
  d->in = says;
  d->in_len = strlen(says);
  run_logged(d, f);
  char *at = strchr(d->taken.s, '|');
  assert_non_null(at);
  char *semicolon = strstr(at, "; ");
  assert_non_null(semicolon);
  *semicolon = 0;
  return at + 1;
}

static void test_trace(void **state)
{
  (void)state;
  static struct double_world d;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t };
  static char const data[] = "DATA\r\na: b\r\n.\r\n";
  char says[512];
  sprintf(says, EMR "%s", data);
  assert_string_equal(trace_of(&d, &f, says), "Received: from c.example (unknown)\n"
    "  by relay.example with ESMTP id 0000000000000000000001\n"
    "  (hosted domains:3)\n  for <x@hosted.example>");
  assert_true(ip_scan(&f.client, "2001:db8::7", 11));
  f.client_host = "evil)\r\nX: y";
  assert_string_equal(trace_of(&d, &f, says), "Received: from c.example (evil???X??y [IPv6:2001:db8::7])\n"
    "  by relay.example with ESMTP id 0000000000000000000001\n  (hosted domains:3)\n  for <x@hosted.example>");
  assert_true(ip_scan(&f.client, "192.0.2.7", 9));
  f.client_host = "";
  f.relayclient = "";
  f.relayby = "clients:12";
  sprintf(says, "HELO [192.0.2.7]\r\n" M "RCPT TO:<x@else.example>\r\nRCPT TO:<y@else.example>\r\n%s", data);
  assert_string_equal(trace_of(&d, &f, says), "Received: from [192.0.2.7] ([192.0.2.7])\n"
    "  by relay.example with SMTP id 0000000000000000000001\n  (client clients:12)");
  /* of a hosted and a relayed recipient, the relayed one's, wherever it stands; the next message starts anew */
  static char const *const mixed[] = {
    E M R "RCPT TO:<x@else.example>\r\n", E M "RCPT TO:<x@else.example>\r\n" R,
    E M R R "RCPT TO:<x@else.example>\r\n" R,
    EMR "RSET\r\n" M "RCPT TO:<x@else.example>\r\n" R,
  };
  for (size_t i = 0; i < sizeof mixed / sizeof *mixed; i++) {
    sprintf(says, "%s%s", mixed[i], data);
    assert_non_null(strstr(trace_of(&d, &f, says), "\n  (client clients:12)"));
  }
  sprintf(says, E M "RCPT TO:<x@else.example>\r\nRSET\r\n" M R R "%s", data);
  assert_non_null(strstr(trace_of(&d, &f, says), "\n  (hosted domains:3)"));
  f.relayby = 0;
  sprintf(says, E "MAIL FROM:<a@b.example> SMTPUTF8\r\nRCPT TO:<\xc3\xbc@else.example>\r\n%s", data);
  assert_string_equal(trace_of(&d, &f, says), "Received: from c.example ([192.0.2.7])\n"
    "  by relay.example with UTF8SMTP id 0000000000000000000001\n  (client relay:2)\n  for <\xc3\xbc@else.example>");
  assert_int_equal(d.utf8, 1);
  table_close(t);
}

/* RELAYCLIENT's value: appended, and decided on once more. */
static void test_relayclient(void **state)
{
  (void)state;
  static struct { char const *value, *recipient, *want; } const cases[] = {
    { "", "x@else.example", "x@else.example" },
    { "@gateway.example", "x@else.example", "\"x@else.example\"@gateway.example" },
    { "@gateway.example", "x@hosted.example", "\"x@hosted.example\"@gateway.example" },
    { ".gateway.example", "x@else.example", "x@else.example.gateway.example" },
    { "@gateway.example", "x%y@else.example", 0 },
    { "@", "x@else.example", 0 },
    { "\r\n@gateway.example", "x@else.example", 0 },
    { "@gateway.example", "postmaster", "\"postmaster@relay.example\"@gateway.example" },
  };
  static struct double_world d;
  struct table_set *t = rules(0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct server_facts f = { .tables = t, .relayclient = cases[i].value };
    char says[512], want[512];
    sprintf(says, E M "RCPT TO:<%s>\r\nBDAT 0 LAST\r\n", cases[i].recipient);
    memset(&d, 0, sizeof d);
    d.in = says;
    d.in_len = strlen(says);
    run_logged(&d, &f);
    char *got = taken(&d);
    int no_address = !cases[i].want && !strchr(cases[i].recipient, '%');
    assert_int_equal(!!strstr(d.replies.s, "451 4.3.5 no address comes of what is appended"), no_address);
    assert_int_equal(!!strstr(log_text, "error=no\\x20address\\x20comes\\x20of\\x20RELAYCLIENT\n"), no_address);
    if (cases[i].want) sprintf(want, "Fa@b.exampleT%s|\n", cases[i].want);
    assert_string_equal(got, cases[i].want ? want : "");
    free(got);
  }
  table_close(t);
}

/* Pipelining: the replies to what came in one piece leave in one piece. */
static void test_batches(void **state)
{
  (void)state;
  static struct double_world d;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t };
  memset(&d, 0, sizeof d);
  d.in = EMR R R R "DATA\r\na: b\r\n.\r\n" M R R "DATA\r\na: b\r\n.\r\nQUIT\r\n";
  d.in_len = strlen(d.in);
  run_logged(&d, &f);
  assert_int_equal(d.finishes, 2);
  assert_int_equal(d.writes, 2); /* the greeting, and the rest */
  table_close(t);
}

static void test_ends(void **state)
{
  (void)state;
  static struct double_world d;
  struct table_set *t = rules("command-time=1");
  struct server_facts f = { .tables = t };
  static char const *const stages[] = { "", "EH", E, E M, EMR, EMR "DATA\r\n", EMR "DATA\r\na: b\r\n",
    EMR "BDAT 9\r\n", EMR "BDAT 9\r\na" };
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
    memset(&d, 0, sizeof d);
    d.in = stages[i];
    d.in_len = strlen(d.in);
    d.silent = ETIMEDOUT;
    run_logged(&d, &f);
    assert_non_null(strstr(d.replies.s, "421 4.4.2 "));
    assert_non_null(strstr(log_text, "event=end "));
    assert_non_null(strstr(log_text, " why=timeout "));
    assert_int_equal(d.running, 0);
    memset(&d, 0, sizeof d);
    d.in = stages[i];
    d.in_len = strlen(d.in);
    d.silent = ECONNRESET;
    run_logged(&d, &f);
    assert_null(strstr(d.replies.s, "421 "));
    assert_non_null(strstr(log_text, " why=read-error "));
    memset(&d, 0, sizeof d);
    d.in = stages[i];
    d.in_len = strlen(d.in);
    d.deaf = EPIPE;
    run_logged(&d, &f);
    assert_non_null(strstr(log_text, " why=write-error "));
    assert_int_equal(d.running, 0);
  }
  table_close(t);
}

/* 354 could not be sent: whatever it met in the buffer, the message behind it is not taken. */
static void test_unheard(void **state)
{
  (void)state;
  static struct double_world d;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t };
  unsigned refused = 0;
  for (int chunks = 0; chunks < 2; chunks++)
    for (unsigned noops = 250; noops < 300; noops++) {
      char says[4096] = EMR, *p = says + strlen(says);
      for (unsigned i = 0; i < noops; i++) p += sprintf(p, "NOOP\r\n");
      strcpy(p, chunks ? "BDAT 6\r\na: b\r\nBDAT 0 LAST\r\n" : "DATA\r\na: b\r\n.\r\n");
      memset(&d, 0, sizeof d);
      d.in = says;
      d.in_len = strlen(says);
      d.deaf = EPIPE;
      d.heard = 1; /* the greeting */
      run_logged(&d, &f);
      assert_int_equal(d.misuses, 0);
      assert_int_equal(d.starts, d.finishes + d.aborts);
      assert_non_null(strstr(log_text, " why=write-error "));
      if (d.aborts) assert_non_null(strstr(log_text, " unfinished="));
      refused += d.aborts;
    }
  assert_true(refused > 20 && refused < 90); /* both ways it went */
  table_close(t);
}

/* No deadline goes beyond the session's, whoever is waited for; an injector that took longer than that is the last
 * thing that the session saw. */
static void test_session_time(void **state)
{
  (void)state;
  static struct double_world d;
  struct table_set *t = rules("session-time=1");
  struct server_facts f = { .tables = t };
  static char const *const texts[] = { "DATA\r\na: b\r\n.\r\n", "DATA\r\n.\r\n", "BDAT 4 LAST\r\na: b" };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    for (unsigned slow = 0; slow < 2; slow++) {
      char says[256], *got;
      snprintf(says, sizeof says, EMR "%s" "NOOP\r\n", texts[i]);
      memset(&d, 0, sizeof d);
      d.in = says;
      d.in_len = strlen(says);
      d.slow = slow ? 1100 : 0;
      int64_t begin = io_now();
      run_logged(&d, &f);
      assert_true(d.latest >= begin + 1000 && d.latest <= begin + 1000 + (slow ? 1100 + 2000 : 2000) + 200);
      got = codes(&d);
      if (slow) assert_non_null(strstr(got, " 250/2.6.0 421/4.4.2"));
      else assert_non_null(strstr(got, " 250/2.6.0 250/2.0.0"));
      assert_non_null(strstr(log_text, slow ? " why=session-time messages=1 " : " why=closed messages=1 "));
      free(got);
    }
  table_close(t);
}

/* One line an event, nothing raw. */
static void test_log(void **state)
{
  (void)state;
  static struct double_world d;
  struct table_set *t = rules(0);
  struct server_facts f = { .tables = t, .relayclient = "", .relayby = "clients:12", .client_host = "h\n \"=\x80",
    .listener = "inner" };
  assert_true(ip_scan(&f.client, "192.0.2.7", 9));
  memset(&d, 0, sizeof d);
  d.in = E "MAIL FROM:<\xc3\xbc@hosted.example> SMTPUTF8\r\nRCPT TO:<x@else.example>\r\nRCPT TO:<x%y@else.example>\r\n"
    "RCPT TO:x\r\nDATA\r\na: b\r\n.\r\nNOOP\r\nQUIT\r\n";
  d.in_len = strlen(d.in);
  run_logged(&d, &f);
  static char const *const words[] = {
    "event=connect ", " client=192.0.2.7 host=h\\n\\x20\\x22\\x3d\\x80 listener=inner trusted=clients:12\n",
    "event=recipient ", (" verdict=accepted reason=client rule=relay:2 origin=local"
      " sender=\\xc3\\xbc@hosted.example recipient=x@else.example "),
    " verdict=refused reason=onward-routing ", "event=refused ", " command=RCPT code=501 reason=recipient-syntax\n",
    "event=message ", " verdict=accepted bytes=6 recipients=1 ", "event=end ",
      " why=quit messages=1 bytes=6 refused=2 errors=2 ",
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (!strstr(log_text, words[i])) print_error("missing: %s in: %s\n", words[i], log_text);
    assert_non_null(strstr(log_text, words[i]));
  }
  size_t lines = 0;
  for (char const *c = log_text; *c; c++) lines += *c == '\n';
  assert_int_equal(lines, 6);
  table_close(t);
}

/* A line for every refused command, and none of the client's bytes in it. */
static void test_refused(void **state)
{
  (void)state;
  static struct { char const *says, *line; unsigned lines; } const cases[] = {
    { "MAIL FROM:<a@b.example>\r\n", "command=MAIL code=503 reason=hello-first\n", 1 },
    { "DATA\r\n", "command=DATA code=503 reason=hello-first\n", 1 },
    { "ehlo\r\n", "command=EHLO code=501 reason=argument\n", 1 },
    { "HELO a b\r\n", "command=HELO code=501 reason=helo-syntax\n", 1 },
    { "RSET x\r\n", "command=RSET code=501 reason=no-argument\n", 1 },
    { "VRFY\r\n", "command=VRFY code=501 reason=argument\n", 1 },
    { "STARTTLS\r\n", "command=STARTTLS code=502 reason=not-here\n", 1 },
    { "AUTH PLAIN secret\r\n", "command=AUTH code=502 reason=not-here\n", 1 },
    { "GET / HTTP/1.0\r\n", "command=unknown code=500 reason=unknown\n", 1 },
    { "secret\n", "command=unknown code=500 reason=bare\n", 1 },
    { "NOOP\rsecret\r\n", "command=unknown code=500 reason=bare\n", 1 },
    { "NOOP\r\nNO\1OP secret\r\n", "command=unknown code=500 reason=nul\n", 1 },
    { "NOOP\r\nNOOP \2secret\r\nNOOP\r\n", "command=unknown code=500 reason=long\n", 1 },
    { E "MAIL FROM:secret\r\n", "command=MAIL code=501 reason=sender-syntax\n", 1 },
    { E M "RCPT TO:secret\r\n", "command=RCPT code=501 reason=recipient-syntax\n", 1 },
    { E M M, "command=MAIL code=503 reason=mail-twice\n", 1 },
    { E "BDAT 6\r\nsecretNOOP\r\n", "command=BDAT code=503 reason=mail-first\n", 1 },
    { EMR "BDAT secret\r\n", "command=BDAT code=501 reason=syntax\n", 1 },
    { EMR "BDAT 1\r\n\nBDAT 1\r\nx", "command=BDAT code=550 reason=text-bare\n", 2 },
    { EMR "DATA\r\nx\n\r\n.\r\n", 0, 0 },         /* has its line: event=message */
    { E M "RCPT TO:<x@else.example>\r\n", 0, 0 },  /* event=recipient */
    { EMR R R R R R R, "command=RCPT code=452 reason=recipients\n", 1 },
    { E M "RSET\r\nNOOP\r\nQUIT\r\n", 0, 0 },
  };
  static struct double_world d;
  struct table_set *t = rules(LIMITS_SMALL);
  struct server_facts f = { .tables = t };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char says[8192], *p = says;
    for (char const *c = cases[i].says; *c; c++) {
      if (*c == 2) p += sprintf(p, "%*s", LIMIT_COMMAND_LINE, "");
      else *p++ = *c == 1 ? '\0' : *c;
    }
    memset(&d, 0, sizeof d);
    d.in = says;
    d.in_len = (size_t)(p - says);
    run_logged(&d, &f);
    unsigned lines = 0;
    for (char const *at = log_text; (at = strstr(at, "event=refused ")); at++) lines++;
    if (lines != cases[i].lines || (cases[i].line && !strstr(log_text, cases[i].line)) || strstr(log_text, "secret"))
      fail_msg("case %zu: %s", i, log_text);
  }
  table_close(t);
}

/* Words for the log: all there, short, of small letters, digits and hyphens, no two alike. */
static void test_reply_words(void **state)
{
  (void)state;
  char words[REPLY_COUNT][REPLY_WORD + 1];
  for (int r = REPLY_NONE + 1; r < REPLY_COUNT; r++) {
    size_t n = reply_word(words[r], (enum reply)r);
    assert_true(n > 0 && n < REPLY_WORD);
    words[r][n] = 0;
    assert_int_equal(strspn(words[r], "abcdefghijklmnopqrstuvwxyz0123456789-"), n);
    for (int k = REPLY_NONE + 1; k < r; k++) assert_string_not_equal(words[k], words[r]);
  }
  assert_string_equal(words[REPLY_NEEDS_UTF8], "needs-utf8");
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_limits), cmocka_unit_test(test_command_line), cmocka_unit_test(test_results),
    cmocka_unit_test(test_trace), cmocka_unit_test(test_relayclient), cmocka_unit_test(test_batches),
    cmocka_unit_test(test_ends), cmocka_unit_test(test_unheard), cmocka_unit_test(test_session_time),
    cmocka_unit_test(test_log), cmocka_unit_test(test_refused), cmocka_unit_test(test_reply_words),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
