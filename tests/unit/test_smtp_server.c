/* The receiving session, in memory (smtp_double.h): each case is what a client says, the replies' codes, and what the
 * injector got. Every case runs with its bytes in one piece, byte by byte, and in pieces of seven. */
#include "smtp_cases.h"

enum { TRUSTED = 1, LF_OK = 2, NO_RULES = 4, SMALL = 8 };

struct dialogue {
  char const *name;
  unsigned how;
  char const *says;      /* NUL-terminated; `\1` stands for a NUL byte */
  char const *codes;
  char const *taken;
};

static void run_case(struct dialogue const *c, size_t piece)
{
  static struct double_world d;
  struct table_set *t = c->how & NO_RULES ? 0 : rules(c->how & SMALL ? LIMITS_SMALL : 0);
  struct server_facts f = { .tables = t, .name = "fallback.example", .lf_ok = (c->how & LF_OK) != 0 };
  char *in = strdup(c->says), *got, *messages;
  size_t n = strlen(in);
  for (size_t i = 0; i < n; i++) if (in[i] == 1) in[i] = 0;
  if (c->how & TRUSTED) f.relayclient = "", f.relayby = "clients:12";
  assert_true(ip_scan(&f.client, "192.0.2.7", 9));
  memset(&d, 0, sizeof d);
  d.in = in;
  d.in_len = n;
  d.piece = piece;
  run_logged(&d, &f);
  got = codes(&d);
  messages = taken(&d);
  if (strcmp(got, c->codes) || strcmp(messages, c->taken)) print_error("case: %s (pieces of %zu)\n", c->name, piece);
  assert_string_equal(got, c->codes);
  assert_string_equal(messages, c->taken);
  assert_int_equal(d.misuses, 0);
  assert_int_equal(d.running, 0);
  assert_int_equal(d.starts, d.finishes + d.aborts);
  free(in);
  free(got);
  free(messages);
  if (t) table_close(t);
}

static void run_cases(struct dialogue const *c, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    run_case(c + i, 0);
    run_case(c + i, 1);
    run_case(c + i, 7);
  }
}
#define RUN(cases) run_cases(cases, sizeof cases / sizeof *cases)

static void test_order(void **state)
{
  (void)state;
  static struct dialogue const cases[] = {
    { "the end at once", 0, "", "220", "" },
    { "quit", 0, Q, "220 221/2.0.0", "" },
    { "mail before hello", 0, M Q, "220 503/5.5.1" S, "" },
    { "rcpt before hello", 0, R Q, "220 503/5.5.1" S, "" },
    { "data before hello", 0, "DATA\r\n" Q, "220 503/5.5.1" S, "" },
    { "bdat before hello", 0, "BDAT 6\r\nQUIT\r\n" Q, "220 503/5.5.1" S, "" },
    { "rset before hello", 0, "RSET\r\n" M Q, "220 250/2.0.0 503/5.5.1" S, "" },
    { "helo", 0, "HELO c.example\r\n" M Q, "220 250 250/2.1.0" S, "" },
    { "rcpt before mail", 0, E R Q, "220 250 503/5.5.1" S, "" },
    { "data before mail", 0, E "DATA\r\n" Q, "220 250 503/5.5.1" S, "" },
    { "data before rcpt", 0, E M "DATA\r\n" Q, "220 250 250/2.1.0 503/5.5.1" S, "" },
    { "mail twice", 0, E M M Q, "220 250 250/2.1.0 503/5.5.1" S, "" },
    { "mail behind rcpt", 0, EMR M Q, A "503/5.5.1" S, "abort" },
    { "rset forgets", 0, EMR "RSET\r\nDATA\r\n" Q, A "250/2.0.0 503/5.5.1" S, "abort" },
    { "ehlo forgets", 0, EMR E "DATA\r\n" Q, A "250 503/5.5.1" S, "abort" },
    { "bad ehlo does not", 0, EMR "EHLO\r\nEHLO a b\r\nDATA\r\nx\r\n.\r\n", A "501/5.5.4 501/5.5.4 354 250/2.6.0",
      F "\nx\n" },
    { "quit with a transaction", 0, EMR Q, A "221/2.0.0", "abort" },
    { "close with a transaction", 0, EMR, "220 250 250/2.1.0 250/2.1.5", "abort" },
    { "close within data", 0, EMR "DATA\r\nfoo: bar\r\n", A "354", "abort" },
    { "close within a chunk", 0, EMR "BDAT 10\r\nabc", "220 250 250/2.1.0 250/2.1.5", "abort" },
    { "two messages", 0, EMR "DATA\r\na: b\r\n.\r\n" M R "DATA\r\nc: d\r\n.\r\n" Q,
      A "354 250/2.6.0 250/2.1.0 250/2.1.5 354 250/2.6.0" S, F "a: b\n" F "c: d\n" },
    { "nothing behind quit", 0, "QUIT\r\nNOOP\r\n", "220 221/2.0.0", "" },
  };
  RUN(cases);
}

static void test_commands(void **state)
{
  (void)state;
  static struct dialogue const cases[] = {
    { "any case, spaces", 0, "eHlO   c.example  \r\nnoop\r\nNoOp x y\r\nquit \r\n",
      "220 250 250/2.0.0 250/2.0.0 221/2.0.0", "" },
    { "vrfy, help", 0, "VRFY a\r\nVRFY\r\nHELP\r\nHELP MAIL\r\n", "220 252/2.5.2 501/5.5.4 214/2.0.0 214/2.0.0", "" },
    { "not here", 0, "EXPN a\r\nAUTH PLAIN\r\nSTARTTLS\r\n", "220 502/5.5.1 502/5.5.1 502/5.5.1", "" },
    { "unknown", 0, "\r\n   \r\nFOO\r\nMAILX\r\nMAI\r\n\xff\xfe\r\nGET / HTTP/1.0\r\n",
      "220 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2", "" },
    { "arguments not wanted", 0, EMR "DATA x\r\nRSET x\r\nQUIT x\r\n", A "501/5.5.4 501/5.5.4 501/5.5.4", "abort" },
    { "bare LF", 0, "NOOP\nNOOP\r\nNOOP\r\n", "220 500/5.5.2 500/5.5.2 250/2.0.0", "" },
    { "bare LF hides no command", 0, E "NOOP\nMAIL FROM:<a@b.example>\r\n" R, "220 250 500/5.5.2 500/5.5.2 503/5.5.1",
      "" },
    { "bare CR", 0, "NOOP\rNOOP\r\nNOOP\r\n", "220 500/5.5.2 250/2.0.0", "" },
    { "NUL", 0, "NO\1OP\r\nNOOP\r\n", "220 500/5.5.2 250/2.0.0", "" },
    { "LF from a stranger", LF_OK, "NOOP\nNOOP\r\nNOOP\r\n", "220 500/5.5.2 500/5.5.2 250/2.0.0", "" },
    { "LF from a trusted client", LF_OK | TRUSTED, "NOOP\nNOOP\r\nNOOP\n", "220 250/2.0.0 250/2.0.0 250/2.0.0", "" },
    { "LF from a trusted client without -b", TRUSTED, "NOOP\nNOOP\r\nNOOP\r\n", "220 500/5.5.2 500/5.5.2 250/2.0.0",
      "" },
    { "hello", 0, "HELO\r\nHELO a b\r\nHELO [192.0.2.1]\r\nEHLO [IPv6:2001:db8::1]\r\nEHLO my_pc\r\n"
      "EHLO b\xc3\xbc" "cher.example\r\n"
      "EHLO a(b\r\nEHLO <a>\r\nEHLO []\r\nEHLO [a)b]\r\n",
      "220 501/5.5.4 501/5.5.4 250 250 250 250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4", "" },
  };
  RUN(cases);
}

static void test_mail(void **state)
{
  (void)state;
  static struct dialogue const cases[] = {
    { "null sender", 0, E "MAIL FROM:<>\r\n" R "DATA\r\na: b\r\n.\r\n", A "354 250/2.6.0",
      "FTx@hosted.example|a: b\n" },
    { "space behind the colon", 0, E "MAIL FROM: <a@b.example>\r\nRCPT TO: <x@hosted.example>\r\n",
      "220 250 250/2.1.0 250/2.1.5", "abort" },
    { "no FROM", 0, E "MAIL <a@b.example>\r\nMAIL\r\nMAIL FROM\r\nMAIL FROM:\r\n",
      "220 250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.1.7", "" },
    { "no brackets", 0, E "MAIL FROM:a@b.example\r\nMAIL FROM:<a@b.example\r\nMAIL FROM:<a@>\r\nMAIL FROM:<@b>\r\n",
      "220 250 501/5.1.7 501/5.1.7 501/5.1.7 501/5.1.7", "" },
    { "parameters", 0, E "MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME SMTPUTF8\r\nRSET\r\n"
      "MAIL FROM:<a@b.example> body=7bit size=0\r\n", "220 250 250/2.1.0 250/2.0.0 250/2.1.0", "" },
    { "unknown parameter", 0, E "MAIL FROM:<a@b.example> HOLDFOR=1\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\n"
      "MAIL FROM:<a@b.example> AUTH=<>\r\n", "220 250 555/5.5.4 555/5.5.4 555/5.5.4", "" },
    { "malformed parameter", 0, E "MAIL FROM:<a@b.example> SIZE\r\nMAIL FROM:<a@b.example> SIZE=\r\n"
      "MAIL FROM:<a@b.example> SIZE=1x\r\nMAIL FROM:<a@b.example> SIZE=1 SIZE=1\r\nMAIL FROM:<a@b.example>SIZE=1\r\n"
      "MAIL FROM:<a@b.example> SMTPUTF8=1\r\nMAIL FROM:<a@b.example> =\r\n",
      "220 250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4", "" },
    { "size at the limit", SMALL, E "MAIL FROM:<a@b.example> SIZE=200\r\n", "220 250 250/2.1.0", "" },
    { "size over the limit", SMALL, E "MAIL FROM:<a@b.example> SIZE=201\r\n", "220 250 552/5.3.4", "" },
    { "size over everything", 0, E "MAIL FROM:<a@b.example> SIZE=99999999999999999999999\r\n", "220 250 552/5.3.4",
      "" },
    { "not ASCII", 0, E "MAIL FROM:<\xc3\xbc@b.example>\r\nMAIL FROM:<\xc3\xbc@b.example> SMTPUTF8\r\n"
      "RCPT TO:<\xc3\xbc@hosted.example>\r\n", "220 250 553/5.6.7 250/2.1.0 250/2.1.5", "abort" },
    { "not ASCII and not UTF-8", 0, E "MAIL FROM:<\xfc@b.example> SMTPUTF8\r\n", "220 250 501/5.1.7", "" },
    { "not ASCII to", 0, E M "RCPT TO:<\xc3\xbc@hosted.example>\r\n", "220 250 250/2.1.0 553/5.6.7", "" },
  };
  RUN(cases);
}

static void test_rcpt(void **state)
{
  (void)state;
  static struct dialogue const cases[] = {
    { "not hosted", 0, E M "RCPT TO:<x@else.example>\r\nDATA\r\n", "220 250 250/2.1.0 550/5.7.1 503/5.5.1", "" },
    { "not hosted, trusted", TRUSTED, E M "RCPT TO:<x@else.example>\r\nDATA\r\na: b\r\n.\r\n", A "354 250/2.6.0",
      "Fa@b.exampleTx@else.example|a: b\n" },
    { "claimed sender", 0, E "MAIL FROM:<me@hosted.example>\r\nRCPT TO:<x@else.example>\r\n",
      "220 250 250/2.1.0 550/5.7.1", "" },
    { "percent hack", TRUSTED, E M "RCPT TO:<x%else.example@hosted.example>\r\n"
      "RCPT TO:<\"x@else.example\"@hosted.example>\r\n"
      "RCPT TO:<else.example!x@hosted.example>\r\n", "220 250 250/2.1.0 553/5.1.3 553/5.1.3 553/5.1.3", "" },
    { "source route", 0, E M "RCPT TO:<@hosted.example:x@else.example>\r\nRCPT TO:<@else.example:x@hosted.example>\r\n",
      "220 250 250/2.1.0 550/5.7.1 250/2.1.5", "abort" },
    { "literal", 0, E M "RCPT TO:<x@[192.0.2.1]>\r\n", "220 250 250/2.1.0 550/5.7.1", "" },
    { "postmaster", 0, E M "RCPT TO:<Postmaster>\r\nDATA\r\na: b\r\n.\r\n", A "354 250/2.6.0",
      "Fa@b.exampleTPostmaster@relay.example|a: b\n" },
    { "nobody without a domain", 0, E M "RCPT TO:<root>\r\nRCPT TO:<>\r\nRCPT TO:\r\nRCPT <x@hosted.example>\r\n",
      "220 250 250/2.1.0 501/5.1.3 501/5.1.3 501/5.1.3 501/5.5.4", "" },
    { "parameters", 0, E M "RCPT TO:<x@hosted.example> RRVS=1\r\nRCPT TO:<x@hosted.example> =\r\n",
      "220 250 250/2.1.0 555/5.5.4 501/5.5.4", "" },
    { "recipients at the limit", SMALL, EMR R R R "DATA\r\na: b\r\n.\r\n",
      A "250/2.1.5 250/2.1.5 452/4.5.3 354 250/2.6.0",
      "Fa@b.exampleTx@hosted.exampleTx@hosted.exampleTx@hosted.example|a: b\n" },
    { "recipients over the limit are no errors", SMALL, EMR R R R R R R R R "DATA\r\na: b\r\n.\r\n",
      A "250/2.1.5 250/2.1.5 452/4.5.3 452/4.5.3 452/4.5.3 452/4.5.3 452/4.5.3 452/4.5.3 354 250/2.6.0",
      "Fa@b.exampleTx@hosted.exampleTx@hosted.exampleTx@hosted.example|a: b\n" },
    { "the limit is a message's", SMALL, EMR R R "RSET\r\n" M R R R,
      A "250/2.1.5 250/2.1.5 250/2.0.0 250/2.1.0 250/2.1.5 250/2.1.5 250/2.1.5",
      "abortabort" },
    { "refused ones do not count", SMALL, E M "RCPT TO:<x@else.example>\r\n" R R R,
      "220 250 250/2.1.0 550/5.7.1 250/2.1.5 250/2.1.5 250/2.1.5",
      "abort" },
    { "no rules", NO_RULES, EMR Q, "220 250 250/2.1.0 451/4.3.5" S, "" },
    { "no rules, trusted", NO_RULES | TRUSTED, EMR "RCPT TO:<x@else.example>\r\nRCPT TO:<postmaster>\r\n" Q,
      "220 250 250/2.1.0 451/4.3.5 451/4.3.5 451/4.3.5" S, "" },
    { "errors at the limit", SMALL, "A\r\nA\r\nA\r\nA\r\nNOOP\r\n",
      "220 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 250/2.0.0", "" },
    { "errors over the limit", SMALL, "A\r\nA\r\nA\r\nA\r\nA\r\nNOOP\r\n",
      "220 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 421/4.7.0", "" },
    { "dropped transactions at the limit", SMALL, E M R "RSET\r\n" M R E M R "HELO c.example\r\n" M R "RSET\r\n" M R Q,
      A "250/2.0.0 250/2.1.0 250/2.1.5 250 250/2.1.0 250/2.1.5 250 250/2.1.0 250/2.1.5 250/2.0.0 250/2.1.0 250/2.1.5" S,
      "abortabortabortabortabort" },
    { "dropped transactions over the limit", SMALL,
      E M R "RSET\r\n" M R E M R "HELO c.example\r\n" M R "RSET\r\n" M R "RSET\r\n" M R Q,
      A "250/2.0.0 250/2.1.0 250/2.1.5 250 250/2.1.0 250/2.1.5 250 250/2.1.0 250/2.1.5 250/2.0.0 250/2.1.0 250/2.1.5"
      " 250/2.0.0 421/4.7.0", "abortabortabortabortabort" },
    { "EHLO over the limit", SMALL, "A\r\nA\r\nA\r\nA\r\n" EMR E Q,
      "220 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 250 250/2.1.0 250/2.1.5 250 421/4.7.0", "abort" },
    { "transactions without an injector are dropped freely", SMALL,
      E M "RSET\r\n" M "RSET\r\n" M "RSET\r\n" M "RSET\r\n" M "RSET\r\n" M E "NOOP\r\n",
      "220 250 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0"
      " 250/2.1.0 250 250/2.0.0", "" },
    { "so are those that came to a message", SMALL,
      EMR "BDAT 0 LAST\r\nRSET\r\n" M R "BDAT 0 LAST\r\nRSET\r\n" M R "BDAT 0 LAST\r\n" E M R "BDAT 0 LAST\r\nRSET\r\n"
      M R "BDAT 0 LAST\r\nRSET\r\nNOOP\r\n", A "250/2.6.0 250/2.0.0 250/2.1.0 250/2.1.5 250/2.6.0 250/2.0.0"
      " 250/2.1.0 250/2.1.5 250/2.6.0 250 250/2.1.0 250/2.1.5 250/2.6.0 250/2.0.0 250/2.1.0 250/2.1.5 250/2.6.0"
      " 250/2.0.0 250/2.0.0", F "\n" F "\n" F "\n" F "\n" F "\n" },
  };
  RUN(cases);
}

#define OK(text) EMR "DATA\r\n" text ".\r\nNOOP\r\n", A "354 250/2.6.0 250/2.0.0"
#define BAD(text) EMR "DATA\r\n" text ".\r\nNOOP\r\n", A "354 550/5.6.0 250/2.0.0", "abort"
static void test_data(void **state)
{
  (void)state;
  static struct dialogue const cases[] = {
    { "plain", 0, OK("a: b\r\n\r\ntext\r\n"), F "a: b\n\ntext\n" },
    { "empty", 0, OK(""), F "\n" },
    { "no header", 0, OK("just text\r\n"), F "\njust text\n" },
    { "empty header", 0, OK("\r\ntext\r\n"), F "\ntext\n" },
    { "dots", 0, OK("a: b\r\n\r\n..\r\n...\r\n.x\r\nx.\r\n"), F "a: b\n\n.\n..\nx\nx.\n" },
    { "no final line end", 0, EMR "DATA\r\nx: y.\r\n.\r\n", A "354 250/2.6.0", F "x: y.\n" },
    { "eight bits", 0, OK("a: \xfc\xff\r\n"), F "a: \xfc\xff\n" },
    { "LF.LF", 0, BAD("a: b\r\nx\n.\nMAIL FROM:<e@vil.example>\r\n") },
    { "LF.CRLF", 0, BAD("a: b\r\nx\n.\r\nMAIL FROM:<e@vil.example>\r\n") },
    { "CRLF.LF", 0, BAD("a: b\r\nx\r\n.\nMAIL FROM:<e@vil.example>\r\n") },
    { "CR.CR", 0, BAD("a: b\r\nx\r.\rMAIL FROM:<e@vil.example>\r\n") },
    { "CR.CRLF", 0, BAD("a: b\r\nx\r.\r\nMAIL FROM:<e@vil.example>\r\n") },
    { "CRLF.CR", 0, BAD("a: b\r\nx\r\n.\rMAIL FROM:<e@vil.example>\r\n") },
    { "CRCRLF.", 0, BAD("a: b\r\r\n") },
    { "CRLF NUL .", 0, BAD("a: b\r\n\1.\r\nx\r\n") },
    { "NUL", 0, BAD("a: \1b\r\n") },
    { "bare LF from a trusted client", TRUSTED, BAD("a: b\nx: y\r\n") },
    { "bare LF with -b from a stranger", LF_OK, BAD("a: b\nx: y\r\n") },
    { "bare LF with -b from a trusted client", TRUSTED | LF_OK, OK("a: b\nx: y\n\n\n..\nz\n.z\n.\n.\r\n\r\n"),
      F "a: b\nx: y\n\n\n.\nz\nz\n\n\n\n" },
    { "bare CR with -b from a trusted client", TRUSTED | LF_OK, BAD("a: \rb\r\n") },
    /* DATA CRLF: whatever LFs the message holds, and whatever other lines ended with, CRLF.CRLF ends it */
    { "embedded LF.LF with -b", TRUSTED | LF_OK, OK("a: b\n\nx\n.\nRSET\r\n"), F "a: b\n\nx\n\nRSET\n" },
    { "embedded LF.CRLF with -b", TRUSTED | LF_OK, OK("a: b\n\nx\n.\r\nRSET\r\n"), F "a: b\n\nx\n\nRSET\n" },
    { "embedded CRLF.LF with -b", TRUSTED | LF_OK, OK("a: b\n\nx\r\n.\nRSET\r\n"), F "a: b\n\nx\n\nRSET\n" },
    { "LF before DATA CRLF", TRUSTED | LF_OK,
      "EHLO c.example\nMAIL FROM:<a@b.example>\nRCPT TO:<x@hosted.example>\n"
      "DATA\r\na: b\n\n.\nRSET\n.\r\n.\n\r\n.\r\nNOOP\n",
      A "354 250/2.6.0 250/2.0.0", F "a: b\n\n\nRSET\n\n\n\n" },
    /* DATA LF: the client speaks LF */
    { "LF throughout", TRUSTED | LF_OK, "EHLO c.example\nMAIL FROM:<a@b.example>\nRCPT TO:<x@hosted.example>\n"
      "DATA\na: b\n\nx\n..\n.y\n.\nNOOP\nQUIT\n", A "354 250/2.6.0 250/2.0.0" S, F "a: b\n\nx\n.\ny\n" },
    { "DATA LF, empty", TRUSTED | LF_OK, EMR "DATA\n.\nNOOP\n", A "354 250/2.6.0 250/2.0.0", F "\n" },
    { "DATA LF, CRLF in between", TRUSTED | LF_OK, EMR "DATA\na: b\r\nc: d\n.\r\nNOOP\r\n", A "354 250/2.6.0 250/2.0.0",
      F "a: b\nc: d\n" },
    { "each message anew", TRUSTED | LF_OK, EMR "DATA\na: b\n.\n" M R "DATA\r\na: b\n.\nx\r\n.\r\nNOOP\n",
      A "354 250/2.6.0 250/2.1.0 250/2.1.5 354 250/2.6.0 250/2.0.0", F "a: b\n" F "a: b\n\nx\n" },
    { "DATA LF from a stranger", LF_OK, EMR "DATA\nNOOP\r\nDATA\r\na: b\n.\nRSET\r\n.\r\n",
      A "500/5.5.2 500/5.5.2 354 550/5.6.0", "abort" },
    { "DATA LF without -b", TRUSTED, EMR "DATA\nNOOP\r\nDATA\r\na: b\n.\nRSET\r\n.\r\n",
      A "500/5.5.2 500/5.5.2 354 550/5.6.0", "abort" },
    { "BDAT LF", TRUSTED | LF_OK, EMR "BDAT 9 LAST\na: b\n\n.\n\nNOOP\n", A "250/2.6.0 250/2.0.0", F "a: b\n\n.\n\n" },
    { "hops at the limit", SMALL,
      OK("Received: 1\r\nreceived: 2\r\nRECEIVED: 3\r\nReceived: 4\r\nReceived: 5\r\n\r\nReceived: 6\r\n"),
      F "Received: 1\nreceived: 2\nRECEIVED: 3\nReceived: 4\nReceived: 5\n\nReceived: 6\n" },
    { "hops over the limit", SMALL, EMR "DATA\r\nReceived: 1\r\nReceived: 2\r\nReceived: 3\r\nReceived: 4\r\n"
      "Received: 5\r\nReceived: 6\r\n.\r\n", A "354 554/5.4.6", "abort" },
  };
  RUN(cases);
}

#define DOTS_50 ".................................................."
static void test_bdat(void **state)
{
  (void)state;
  static struct dialogue const cases[] = {
    { "one chunk", 0, EMR "BDAT 11 LAST\r\na: b\r\n\r\nx\r\nNOOP\r\n", A "250/2.6.0 250/2.0.0", F "a: b\n\nx\n" },
    { "dots and false ends", 0, EMR "BDAT 18 last\r\na: b\r\n\r\n..\r\n.\r\nx\r\nNOOP\r\n", A "250/2.6.0 250/2.0.0",
      F "a: b\n\n..\n.\nx\n" },
    { "two chunks, split within CRLF", 0, EMR "BDAT 5\r\na: b\rBDAT 6 LAST\r\n\n\r\nxy\r", A "250/2.0.0 550/5.6.0",
      "abort" },
    { "two chunks, split within CRLF, whole", 0, EMR "BDAT 5\r\na: b\rBDAT 6 LAST\r\n\n\r\nx\r\n",
      A "250/2.0.0 250/2.6.0",
      F "a: b\n\nx\n" },
    { "no line end", 0, EMR "BDAT 4 LAST\r\na: b", A "250/2.6.0", F "a: b\n" },
    { "zero last", 0, EMR "BDAT 6\r\na: b\r\nBDAT 0 LAST\r\n", A "250/2.0.0 250/2.6.0", F "a: b\n" },
    { "only zero last", 0, EMR "BDAT 0 LAST\r\n", A "250/2.6.0", F "\n" },
    { "zero", 0, EMR "BDAT 0\r\nBDAT 6 LAST\r\na: b\r\n", A "250/2.0.0 250/2.6.0", F "a: b\n" },
    { "swallowed without mail", 0, E "BDAT 6\r\nQUIT\r\nNOOP\r\n", "220 250 503/5.5.1 250/2.0.0", "" },
    { "swallowed without rcpt", 0, E M "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "220 250 250/2.1.0 503/5.5.1 250/2.0.0", "" },
    { "swallowed behind the last", 0, EMR "BDAT 6 LAST\r\na: b\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
      A "250/2.6.0 503/5.5.1 250/2.0.0", F "a: b\n" },
    { "syntax", 0, EMR "BDAT\r\nBDAT x\r\nBDAT -1\r\nBDAT 6 FIRST\r\nQUIT\r\nBDAT 6LAST\r\nQUIT\r\nNOOP\r\n",
      A "501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 250/2.0.0", "abort" },
    { "size beyond counting", 0, EMR "BDAT 99999999999999999999 LAST\r\nQUIT\r\nNOOP\r\n", A "552/5.3.4 421/4.7.0",
      "abort" },
    { "data behind bdat", 0, EMR "BDAT 6\r\na: b\r\nDATA\r\n" M R "BDAT 0 LAST\r\n",
      A "250/2.0.0 503/5.5.1 503/5.5.1 503/5.5.1 250/2.6.0", F "a: b\n" },
    { "rset within", 0, EMR "BDAT 6\r\na: b\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\n" Q,
      A "250/2.0.0 250/2.0.0 503/5.5.1" S, "abort" },
    { "bare LF", 0, EMR "BDAT 5 LAST\r\na: b\nNOOP\r\n", A "550/5.6.0 250/2.0.0", "abort" },
    { "bare LF, then the last", 0, EMR "BDAT 5\r\na: b\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
      A "550/5.6.0 550/5.6.0 250/2.0.0", "abort" },
    { "bare CR", 0, EMR "BDAT 7 LAST\r\na:\rb\r\n\nNOOP\r\n", A "550/5.6.0 250/2.0.0", "abort" },
    { "NUL", 0, EMR "BDAT 7 LAST\r\na:\1b\r\n\nNOOP\r\n", A "550/5.6.0 250/2.0.0", "abort" },
    { "over the size, in the first chunk", SMALL, EMR "BDAT 201\r\n"
      DOTS_50 DOTS_50 DOTS_50 DOTS_50 ".BDAT 0 LAST\r\nNOOP\r\n",
      A "552/5.3.4 552/5.3.4 250/2.0.0", "abort" },
  };
  RUN(cases);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_order), cmocka_unit_test(test_commands), cmocka_unit_test(test_mail),
    cmocka_unit_test(test_rcpt),
    cmocka_unit_test(test_data), cmocka_unit_test(test_bdat),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
