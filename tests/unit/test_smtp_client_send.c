/* The client's transaction against a server whose replies lie ready: the exact bytes that go out, and the report
 * that comes of it. */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "smtp_client.h"

#define P CLIENT_PIPELINING
#define B CLIENT_CHUNKING
#define S CLIENT_SIZE
#define E CLIENT_8BITMIME
#define U CLIENT_SMTPUTF8

#define MAIL "MAIL FROM:<s@x.example>\r\n"
#define RCPT(r) "RCPT TO:<" r ">\r\n"
#define BAD_RECIPIENT "the recipient's address can't be sent: syntax error (#5.1.3)|"
#define BAD_SENDER "the sender's address can't be sent: syntax error (#5.1.7)|"
#define L64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OPEN 1   /* the connection stays */
#define DIRTY 2  /* and needs RSET */

static struct {
  unsigned offers;
  char const *recipients, *replies, *wire, *report;
  unsigned after; /* OPEN, DIRTY */
} const cases[] = {
  /* all well */
  { 0, "a@y", "250 m\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") "DATA\r\n" "x\r\n.\r\n",
    "rH said: 250 r|KH said: 250 t|", OPEN },
  { P, "a@y", "250 m\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") "DATA\r\n" "x\r\n.\r\n",
    "rH said: 250 r|KH said: 250 t|", OPEN },
  { B, "a@y", "250 m\r\n250 r\r\n250 t\r\n", MAIL RCPT("a@y") "BDAT 3 LAST\r\nx\r\n", "rH said: 250 r|KH said: 250 t|",
    OPEN },
  { P | B, "a@y", "250 m\r\n250 r\r\n250 t\r\n", MAIL RCPT("a@y") "BDAT 3 LAST\r\nx\r\n",
    "rH said: 250 r|KH said: 250 t|", OPEN },
  { P | S | E | U, "a@y", "250 m\r\n250 r\r\n354 d\r\n250 t\r\n", "MAIL FROM:<s@x.example> SIZE=3\r\n" RCPT("a@y")
    "DATA\r\n" "x\r\n.\r\n",
    "rH said: 250 r|KH said: 250 t|", OPEN },
  { 0, "a@y", "250 m\r\n251 will forward\r\n354 d\r\n200 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 251 will forward|KH said: 200 t|", OPEN },
  /* the verdict */
  { P, "a@y", "250 m\r\n250 r\r\n354 d\r\n451 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|ZH said: 451 t|", OPEN },
  { P, "a@y", "250 m\r\n250 r\r\n354 d\r\n554 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|DH said: 554 t|", OPEN },
  { P | B, "a@y", "250 m\r\n250 r\r\n552 t\r\n", MAIL RCPT("a@y") "BDAT 3 LAST\r\nx\r\n",
    "rH said: 250 r|DH said: 552 t|", OPEN },
  { P, "a@y", "250 m\r\n250 r\r\n354 d\r\n354 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|ZH said: 354 t|", OPEN },
  { P, "a@y", "250 m\r\n250 r\r\n354 d\r\n421 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|ZH said: 421 t|", 0 },
  { P, "a@y", "250 m\r\n250 r\r\n354 d\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|ZH closed the connection (#4.4.2) after the whole message was sent; it may arrive twice|", 0 },
  { P, "a@y", "250 m\r\n250 r\r\n354 d\r\nnonsense\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|ZH sent something that is no reply (#4.5.0) after the whole message was sent; it may arrive twice|",
      0 },
  /* MAIL refused */
  { 0, "a@y,b@y", "550 m\r\n", MAIL, "hH said: 550 m|hH said: 550 m|DH said: 550 m|", OPEN | DIRTY },
  { 0, "a@y", "451 m\r\n", MAIL, "sH said: 451 m|ZH said: 451 m|", OPEN | DIRTY },
  { P, "a@y", "550 m\r\n503 r\r\n503 d\r\n", MAIL RCPT("a@y") "DATA\r\n", "hH said: 550 m|DH said: 550 m|",
    OPEN | DIRTY },
  { P, "a@y", "450 m\r\n503 r\r\n354 d\r\n554 t\r\n", MAIL RCPT("a@y") "DATA\r\n.\r\n",
    "sH said: 450 m|ZH said: 450 m|", OPEN | DIRTY },
  { P | B, "a@y", "550 m\r\n503 r\r\n503 b\r\n", MAIL RCPT("a@y") "BDAT 3 LAST\r\nx\r\n",
    "hH said: 550 m|DH said: 550 m|", OPEN | DIRTY },
  { P, "a@y", "550 m\r\n", MAIL RCPT("a@y") "DATA\r\n", "hH said: 550 m|DH said: 550 m|", 0 },
  { P, "a@y", "421 m\r\n", MAIL RCPT("a@y") "DATA\r\n", "ZH said: 421 m|", 0 },
  { P, "a@y", "", MAIL RCPT("a@y") "DATA\r\n", "ZH closed the connection (#4.4.2)|", 0 },
  { P | B, "a@y", "", MAIL RCPT("a@y") "BDAT 3 LAST\r\nx\r\n",
    "ZH closed the connection (#4.4.2) after the whole message was sent; it may arrive twice|", 0 },
  { 0, "a@y", "354 m\r\n", MAIL, "sH said: 354 m|ZH said: 354 m|", OPEN | DIRTY },
  /* recipients of all kinds */
  { 0, "a@y,b@y,c@y", "250 m\r\n250 r\r\n550 r\r\n450 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") RCPT("b@y") RCPT("c@y")
    "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|hH said: 550 r|sH said: 450 r|KH said: 250 t|", OPEN },
  { P, "a@y,b@y,c@y", "250 m\r\n450 r\r\n550 r\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") RCPT("b@y") RCPT("c@y")
    "DATA\r\nx\r\n.\r\n",
    "sH said: 450 r|hH said: 550 r|rH said: 250 r|KH said: 250 t|", OPEN },
  { 0, "a@y,b@y", "250 m\r\n550 r\r\n550 q\r\n", MAIL RCPT("a@y") RCPT("b@y"),
    "hH said: 550 r|hH said: 550 q|DH refused all recipients|", OPEN | DIRTY },
  { 0, "a@y,b@y", "250 m\r\n550 r\r\n450 q\r\n", MAIL RCPT("a@y") RCPT("b@y"),
    "hH said: 550 r|sH said: 450 q|ZH took no recipient|", OPEN | DIRTY },
  { P, "a@y", "250 m\r\n550 r\r\n554 d\r\n", MAIL RCPT("a@y") "DATA\r\n", "hH said: 550 r|DH refused all recipients|",
    OPEN | DIRTY },
  { P, "a@y", "250 m\r\n550 r\r\n354 d\r\n554 t\r\n", MAIL RCPT("a@y") "DATA\r\n.\r\n",
    "hH said: 550 r|DH refused all recipients|", OPEN | DIRTY },
  { P, "a@y", "250 m\r\n550 r\r\n354 d\r\n", MAIL RCPT("a@y") "DATA\r\n.\r\n",
    "hH said: 550 r|DH refused all recipients|", 0 },
  { P | B, "a@y", "250 m\r\n550 r\r\n554 b\r\n", MAIL RCPT("a@y") "BDAT 3 LAST\r\nx\r\n",
    "hH said: 550 r|DH refused all recipients|", OPEN | DIRTY },
  /* too many recipients (RFC 5321 4.5.3.1.10), and a full mailbox, which is something else */
  { 0, "a@y,b@y", "250 m\r\n250 r\r\n552 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") RCPT("b@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|sH said: 552 r|KH said: 250 t|", OPEN },
  { 0, "a@y,b@y", "250 m\r\n250 r\r\n552 5.5.3 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") RCPT("b@y")
    "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|sH said: 552 5.5.3 r|KH said: 250 t|", OPEN },
  { 0, "a@y,b@y", "250 m\r\n250 r\r\n552 5.2.2 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") RCPT("b@y")
    "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|hH said: 552 5.2.2 r|KH said: 250 t|", OPEN },
  { 0, "a@y", "250 m\r\n552 r\r\n", MAIL RCPT("a@y"), "hH said: 552 r|DH refused all recipients|", OPEN | DIRTY },
  { 0, "a@y,b@y", "250 m\r\n250 r\r\n452 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") RCPT("b@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|sH said: 452 r|KH said: 250 t|", OPEN },
  /* hung up in between */
  { P, "a@y,b@y", "250 m\r\n550 r\r\n421 q\r\n", MAIL RCPT("a@y") RCPT("b@y") "DATA\r\n",
    "hH said: 550 r|sH said: 421 q|ZH said: 421 q|", 0 },
  { 0, "a@y,b@y", "250 m\r\n421 q\r\n", MAIL RCPT("a@y"), "sH said: 421 q|sH said: 421 q|ZH said: 421 q|", 0 },
  { 0, "a@y,b@y", "250 m\r\n", MAIL RCPT("a@y"),
    "sH closed the connection (#4.4.2)|sH closed the connection (#4.4.2)|ZH closed the connection (#4.4.2)|", 0 },
  { P, "a@y", "250 m\r\n250 r\r\n", MAIL RCPT("a@y") "DATA\r\n", "rH said: 250 r|ZH closed the connection (#4.4.2)|",
    0 },
  { P, "a@y", "250 m\r\nfoo\r\n", MAIL RCPT("a@y") "DATA\r\n",
    "sH sent something that is no reply (#4.5.0)|ZH sent something that is no reply (#4.5.0)|", 0 },
  /* DATA refused, or answered wrongly */
  { P, "a@y", "250 m\r\n250 r\r\n451 d\r\n", MAIL RCPT("a@y") "DATA\r\n", "rH said: 250 r|ZH said: 451 d|",
    OPEN | DIRTY },
  { P, "a@y", "250 m\r\n250 r\r\n554 d\r\n", MAIL RCPT("a@y") "DATA\r\n", "rH said: 250 r|DH said: 554 d|",
    OPEN | DIRTY },
  { P, "a@y", "250 m\r\n250 r\r\n250 d\r\n", MAIL RCPT("a@y") "DATA\r\n", "rH said: 250 r|ZH said: 250 d|",
    OPEN | DIRTY },
  { P, "a@y", "250 m\r\n250 r\r\n421 d\r\n", MAIL RCPT("a@y") "DATA\r\n", "rH said: 250 r|ZH said: 421 d|", 0 },
  /* refused here, between others */
  { P, "b d@y,a@y,<x@y>", "250 m\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "h" BAD_RECIPIENT "rH said: 250 r|h" BAD_RECIPIENT "KH said: 250 t|", OPEN },
  { P, "b d@y", "250 m\r\n", MAIL,
    "h" BAD_RECIPIENT "DH refused all recipients|", OPEN | DIRTY },
  { 0, "a@y,b d@y", "250 m\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|h" BAD_RECIPIENT "KH said: 250 t|", OPEN },
  { P, "\303\244@y,a@y", "250 m\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL RCPT("a@y") "DATA\r\nx\r\n.\r\n",
    "hH does not take addresses that are not ASCII (#5.6.7)|rH said: 250 r|KH said: 250 t|", OPEN },
  { P | U, "\303\244@y", "250 m\r\n250 r\r\n354 d\r\n250 t\r\n", "MAIL FROM:<s@x.example> SMTPUTF8\r\n"
    RCPT("\303\244@y") "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|KH said: 250 t|", OPEN },
};

static void transactions(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char wire[2000];
    int fd = connected(cases[i].offers, 0);
    say(fd, cases[i].replies);
    shutdown(fd, SHUT_WR);
    CHECK(send_text("s@x.example", cases[i].recipients, "x\n", 0) == CLIENT_SENT, "case %zu", i);
    CHECK(!strcmp(said(), cases[i].report), "case %zu: %s\nnot %s", i, said(), cases[i].report);
    CHECK((c.fd >= 0) == !!(cases[i].after & OPEN), "case %zu: open", i);
    if (c.fd >= 0) CHECK(c.dirty == !!(cases[i].after & DIRTY) && c.in_at == c.in_len, "case %zu: dirty", i);
    heard(fd, wire, sizeof wire);
    CHECK(!strcmp(wire, cases[i].wire), "case %zu: %s\nnot %s", i, wire, cases[i].wire);
    client_close(&c);
    close(fd);
  }
}

/* What is refused without a word to the server. */
static void refused_here(void **state)
{
  static struct { unsigned offers; uint64_t size; char const *sender, *text; unsigned utf8; char const *report;
    } const bad[] = {
    { P | B, 0, "s@x", "a\rb\n", 0,
      "h" CLIENT_BAD_TEXT "|D" CLIENT_BAD_TEXT "|" },
    { P | S, 9, "s@x", "12345678\n", 0,
      "hH takes 9 bytes at most, the message has 10 (#5.3.4)|DH takes 9 bytes at most, the message has 10 (#5.3.4)|" },
    { P, 0, "s@x", "x\n", 1,
      "hH does not take internationalised mail (#5.6.7)|DH does not take internationalised mail (#5.6.7)|" },
    { P, 0, "\303\266@x", "x\n", 0,
      "hH does not take internationalised mail (#5.6.7)|DH does not take internationalised mail (#5.6.7)|" },
    { P, 0, "s s@x", "x\n", 0,
      "h" BAD_SENDER "D" BAD_SENDER },
    { P, 0, "s@x> SIZE=1\r\nRCPT TO:<y", "x\n", 0,
      "h" BAD_SENDER "D" BAD_SENDER },
  }, *b;
  EACH_CASE(b, bad) {
    char wire[100];
    int fd = connected(b->offers, b->size);
    assert_int_equal(send_text(b->sender, "a@y", b->text, b->utf8), CLIENT_SENT);
    assert_string_equal(said(), b->report);
    heard(fd, wire, sizeof wire);
    assert_string_equal(wire, "");
    assert_true(c.fd >= 0);
    client_close(&c);
    close(fd);
  }
}

static void parameters(void **state)
{
  static struct { unsigned offers; uint64_t size; char const *sender, *text; unsigned utf8; char const *mail;
    } const good[] = {
    { 0, 0, "", "x\n", 0, "MAIL FROM:<>\r\n" },
    { 0, 0, "#@[]", "x\n", 0, "MAIL FROM:<>\r\n" },
    { S, 10, "s@x", "12345678\n", 0, "MAIL FROM:<s@x> SIZE=10\r\n" },
    { S | E, 0, "s@x", "\200\n", 0, "MAIL FROM:<s@x> SIZE=3 BODY=8BITMIME\r\n" },
    { E, 0, "s@x", "a\n", 0, "MAIL FROM:<s@x>\r\n" },
    { 0, 0, "s@x", "\200\n", 0, "MAIL FROM:<s@x>\r\n" },
    { E | U, 0, "s@x", "\303\266\n", 1, "MAIL FROM:<s@x> BODY=8BITMIME SMTPUTF8\r\n" },
    { U, 0, "\303\266@x", "a\n", 0, "MAIL FROM:<\303\266@x> SMTPUTF8\r\n" },
    { U, 0, "s@x", "a\n", 0, "MAIL FROM:<s@x>\r\n" },
  }, *g;
  EACH_CASE(g, good) {
    char wire[500];
    int fd = connected(g->offers | P, g->size);
    say(fd, "250 m\r\n250 r\r\n354 d\r\n250 t\r\n");
    send_text(g->sender, "a@y", g->text, g->utf8);
    assert_string_equal(said(), "rH said: 250 r|KH said: 250 t|");
    heard(fd, wire, sizeof wire);
    CHECK(!strncmp(wire, g->mail, strlen(g->mail)), "%s", wire);
    client_close(&c);
    close(fd);
  }
}

static void paths(void **state)
{
  static struct { char const *in, *out, *utf8; } const p[] = {
    /* out: without SMTPUTF8, utf8: with it if that differs; null: refused */
    { "a@b.example", "a@b.example", 0 }, { "postmaster", "postmaster", 0 }, { "a.b+c@X.Example", "a.b+c@X.Example", 0 },
    { "\"a b\"@x", "\"a b\"@x", 0 }, { "\"ab\"@x", "ab@x", 0 }, { "a..b@x", "\"a..b\"@x", 0 }, { ".a@x", "\".a\"@x",
      0 },
    { "a:b@x", "\"a:b\"@x", 0 }, { "a@b@x", "\"a@b\"@x", 0 }, { "a@[192.0.2.1]", "a@[192.0.2.1]", 0 },
    { "a@\303\266.example", "a@xn--nda.example", 0 }, { "\303\266@x", 0, "\303\266@x" },
    { "", 0, 0 }, { "a b@x", 0, 0 }, { "a\r\n@x", 0, 0 }, { "a@x\r\n", 0, 0 }, { "a@x y", 0, 0 }, { "a@", 0, 0 },
      { "@x", 0, 0 },
    { "\"a\r\n\"@x", 0, 0 }, { "\"a@x", 0, 0 }, { "a\177@x", 0, 0 }, { "a@x> SIZE=1", 0, 0 }, { "a\\b@x", 0, 0 },
      { "a@x\n", 0, 0 },
    { "nobody", 0, 0 }, { L64 "@x", L64 "@x", 0 }, { L64 "a=b.c@x", L64 "a=b.c@x", 0 }, { L64 "a b@x", 0, 0 },
    { L64 "a@x y", 0, 0 }, { L64 "a@x\r\n", 0, 0 }, { L64 "\"a@x", 0, 0 }, { L64 "a@", 0, 0 }, { L64 L64, 0, 0 },
    { L64 "a\303\266@x", 0, 0 },
  }, *q;
  EACH_CASE(q, p) {
    char out[LIMIT_ADDRESS + 3];
    enum client_path r = client_path(out, q->in, 0);
    CHECK((r == CLIENT_PATH_OK) == !!q->out, "%s", q->in);
    if (q->out) CHECK(!strcmp(out, q->out), "%s: %s", q->in, out);
    if (!q->utf8) continue;
    CHECK(r == CLIENT_PATH_UTF8, "%s", q->in);
    assert_int_equal(client_path(out, q->in, 1), CLIENT_PATH_OK);
    assert_string_equal(out, q->utf8);
  }
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(transactions), cmocka_unit_test(refused_here),
    cmocka_unit_test(parameters), cmocka_unit_test(paths),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
