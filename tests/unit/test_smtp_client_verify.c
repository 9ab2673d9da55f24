/* MAIL and RCPT without a message, against a server whose replies lie ready: the exact bytes that go out, and the
 * verdict. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "unit.h"
#include "smtp/client_verify.h"

#define P CLIENT_PIPELINING
#define U CLIENT_SMTPUTF8
#define M "MAIL FROM:<>\r\n"
#define R "RCPT TO:<a@b>\r\n"
#define X "RSET\r\n"

static struct client c;
static char text[CLIENT_VERIFY_TEXT];

/* A connection as it is after EHLO. Returns the server's end. */
static int connected(unsigned offers)
{
  int p[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
  fcntl(p[0], F_SETFL, O_NONBLOCK);
  fcntl(p[1], F_SETFL, O_NONBLOCK);
  client_init(&c);
  c.fd = p[0];
  c.offers = offers;
  c.patience = 1;
  strcpy(c.name, "H");
  return p[1];
}

static void say(int fd, char const *s)
{
  assert_int_equal(write(fd, s, strlen(s)), strlen(s));
}

/* All that was sent so far. */
static char const *heard(int fd)
{
  static char s[5000];
  size_t n = 0;
  ssize_t r;
  while (n < sizeof s - 1 && (r = read(fd, s + n, sizeof s - 1 - n)) > 0) n += (size_t)r;
  s[n] = 0;
  return s;
}

/* The replies lie ready, which is too early only for one who looks; `end`: the server then closes. */
static struct verify_case {
  unsigned offers;
  char const *says;
  int end;
  char const *out;
  enum client_verified verdict;
  char const *text;
  int stays;              /* the connection is good for another question */
} const cases[] = {
  { P, "250 ok\r\n250 2.1.5 fine\r\n", 0, M R, CLIENT_TAKES, "250 2.1.5 fine", 1 },
  { 0, "250 ok\r\n250 2.1.5 fine\r\n", 0, M R, CLIENT_TAKES, "250 2.1.5 fine", 1 },
  { P, "250 ok\r\n251 forwarded\r\n", 0, M R, CLIENT_TAKES, "251 forwarded", 1 },
  { P, "250 ok\r\n550 5.1.1 who?\r\n", 0, M R, CLIENT_REFUSES, "550 5.1.1 who?", 1 },
  { P, "250 ok\r\n550-5.1.1 who\r\n550 5.1.1 is that?\r\n", 0, M R, CLIENT_REFUSES, "550 5.1.1 who is that?", 1 },
  { P, "250 ok\r\n450 4.2.0 later\r\n", 0, M R, CLIENT_UNSURE, "H said: 450 4.2.0 later", 1 },
  { P, "250 ok\r\n354 go on\r\n", 0, M R, CLIENT_UNSURE, "H said: 354 go on", 1 },
  /* 5xx: about the recipient, or about us, our sender, our command, room */
  { P, "250 ok\r\n550 no\r\n", 0, M R, CLIENT_REFUSES, "550 no", 1 },
  { P, "250 ok\r\n551 there\r\n", 0, M R, CLIENT_REFUSES, "551 there", 1 },
  { P, "250 ok\r\n553 no\r\n", 0, M R, CLIENT_REFUSES, "553 no", 1 },
  { P, "250 ok\r\n550 5.1.1 x\r\n", 0, M R, CLIENT_REFUSES, "550 5.1.1 x", 1 },
  { P, "250 ok\r\n554 5.1.1 x\r\n", 0, M R, CLIENT_REFUSES, "554 5.1.1 x", 1 },
  { P, "250 ok\r\n550 5.1.10 x\r\n", 0, M R, CLIENT_REFUSES, "550 5.1.10 x", 1 },
  { P, "250 ok\r\n550 5.2.1 x\r\n", 0, M R, CLIENT_REFUSES, "550 5.2.1 x", 1 },
  { P, "250 ok\r\n550 5.7.1 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 550 5.7.1 x", 1 },
  { P, "250 ok\r\n554 5.7.1 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 554 5.7.1 x", 1 },
  { P, "250 ok\r\n554 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 554 x", 1 },
  { P, "250 ok\r\n530 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 530 x", 1 },
  { P, "250 ok\r\n530 5.7.0 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 530 5.7.0 x", 1 },
  { P, "250 ok\r\n503 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 503 x", 1 },
  { P, "250 ok\r\n503 5.5.1 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 503 5.5.1 x", 1 },
  { P, "250 ok\r\n552 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 552 x", 1 },
  { P, "250 ok\r\n552 5.2.2 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 552 5.2.2 x", 1 },
  { P, "250 ok\r\n550 5.2.2 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 550 5.2.2 x", 1 },
  { P, "250 ok\r\n550 5.1.8 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 550 5.1.8 x", 1 },
  { P, "250 ok\r\n553 5.1.7 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 553 5.1.7 x", 1 },
  { P, "250 ok\r\n550 5.4.1 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 550 5.4.1 x", 1 },
  { P, "250 ok\r\n501 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 501 x", 1 },
  /* MAIL refused says nothing about the recipient, whatever RCPT gets then */
  { P, "550 5.7.1 no bounces\r\n503 5.5.1 MAIL?\r\n", 0, M R, CLIENT_UNSURE, "H said: 550 5.7.1 no bounces", 1 },
  { P, "550 5.7.1 no bounces\r\n250 ok\r\n", 0, M R, CLIENT_UNSURE, "H said: 550 5.7.1 no bounces", 1 },
  { 0, "550 5.7.1 no bounces\r\n", 0, M, CLIENT_UNSURE, "H said: 550 5.7.1 no bounces", 1 },
  { P, "451 later\r\n550 x\r\n", 0, M R, CLIENT_UNSURE, "H said: 451 later", 1 },
  /* the connection is lost */
  { P, "421 4.3.2 bye\r\n", 1, M R, CLIENT_UNSURE, "H said: 421 4.3.2 bye", 0 },
  { P, "250 ok\r\n421 4.3.2 bye\r\n", 1, M R, CLIENT_UNSURE, "H said: 421 4.3.2 bye", 0 },
  { P, "250 ok\r\n", 1, M R, CLIENT_UNSURE, "H closed the connection (#4.4.2)", 0 },
  { P, "", 1, M R, CLIENT_UNSURE, "H closed the connection (#4.4.2)", 0 },
  { P, "250 ok\r\n25", 1, M R, CLIENT_UNSURE, "H closed the connection (#4.4.2)", 0 },
  { P, "250 ok\r\n", 0, M R, CLIENT_UNSURE, "H did not answer in time (#4.4.2)", 0 },
  { 0, "", 0, M, CLIENT_UNSURE, "H did not answer in time (#4.4.2)", 0 },
  { P, "250 ok\r\nwhat?\r\n", 0, M R, CLIENT_UNSURE, "H sent something that is no reply (#4.5.0)", 0 },
  { P, "250 ok\r\n550-a\r\n250 b\r\n", 0, M R, CLIENT_UNSURE, "H sent something that is no reply (#4.5.0)", 0 },
};

static void verdicts(void **state)
{
  struct verify_case const *k;
  EACH_CASE(k, cases) {
    int fd = connected(k->offers);
    say(fd, k->says);
    if (k->end) shutdown(fd, SHUT_WR);
    enum client_verified v = client_verify(&c, "a@b", text);
    CHECK(v == k->verdict && !strcmp(text, k->text), "%u `%s`: %d %s", k->offers, k->says, v, text);
    CHECK(!strcmp(heard(fd), k->out), "`%s`", k->says);
    CHECK((c.fd >= 0) == k->stays, "`%s`", k->says);
    client_close(&c);
    close(fd);
  }
}

/* A kept connection: RSET first. One that turns out to be dead is no answer, but one that had begun to answer is. */
static void kept(void **state)
{
  static struct { unsigned offers; char const *says; int end; char const *out; enum client_verified verdict; } const
    again[] = {
    { P, "250 ok\r\n250 ok\r\n550 no\r\n", 0, X M R, CLIENT_REFUSES }, { 0, "250 ok\r\n250 ok\r\n250 ok\r\n", 0, X M R,
      CLIENT_TAKES },
    { P, "", 1, X M R, CLIENT_GONE }, { P, "250 ok\r\n", 1, X M R, CLIENT_GONE }, { P, "421 idle\r\n", 1, X M R,
      CLIENT_GONE },
    { P, "250 ok\r\n421 idle\r\n", 1, X M R, CLIENT_GONE }, { P, "500 RSET?\r\n", 0, X M R, CLIENT_GONE },
    { P, "250 ok\r\n250 ok\r\n", 1, X M R, CLIENT_UNSURE }, { P, "junk\r\n", 0, X M R, CLIENT_UNSURE },
    { P, "250 ok\r\n450 busy\r\n421 x\r\n", 1, X M R, CLIENT_UNSURE }, { 0, "", 0, X, CLIENT_UNSURE },
  }, *k;
  EACH_CASE(k, again) {
    int fd = connected(k->offers);
    say(fd, "250 ok\r\n250 ok\r\n");
    assert_int_equal(client_verify(&c, "a@b", text), CLIENT_TAKES);
    heard(fd);
    if (!fork()) { /* what came before the question would be an unasked reply */
      usleep(50000);
      say(fd, k->says);
      if (k->end) shutdown(fd, SHUT_WR);
      _exit(0);
    }
    enum client_verified v = client_verify(&c, "a@b", text);
    CHECK(v == k->verdict, "`%s`: %d %s", k->says, v, text);
    CHECK(!strcmp(heard(fd), k->out), "`%s`", k->says);
    client_close(&c);
    close(fd);
  }
}

static void before_asking(void **state)
{
  int fd = connected(P);
  c.used = c.dirty = 1;
  say(fd, "421 idle too long\r\n"); /* seen before a word is said */
  assert_int_equal(client_verify(&c, "a@b", text), CLIENT_GONE);
  assert_true(c.fd < 0);
  assert_string_equal(heard(fd), "");
  close(fd);
  fd = connected(P);
  strcpy(c.in, "250 too much\r\n");
  c.in_len = strlen(c.in);
  assert_int_equal(client_verify(&c, "a@b", text), CLIENT_UNSURE);
  assert_string_equal(text, "H sent a reply to nothing (#4.5.0)");
  assert_true(c.fd < 0);
  close(fd);
}

static void addresses(void **state)
{
  static struct { unsigned offers; char const *address, *out; enum client_verified verdict; char const *text; } const
    paths[] = {
    { P | U, "\303\244@b", "MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<\303\244@b>\r\n", CLIENT_TAKES, "250 b" },
    { P | U, "a@b", M R, CLIENT_TAKES, "250 b" },
    { P, "a@b\303\274cher.example", M "RCPT TO:<a@xn--bcher-kva.example>\r\n", CLIENT_TAKES, "250 b" },
    { P, "a..b@c", M "RCPT TO:<\"a..b\"@c>\r\n", CLIENT_TAKES, "250 b" },
    { P, "\303\244@b", "", CLIENT_REFUSES, "H does not take addresses that are not ASCII (#5.6.7)" },
    { P, "a@b\r\nDATA", "", CLIENT_REFUSES, "the address can't be sent: syntax error (#5.1.3)" },
    { P, "a\nb@c", "", CLIENT_REFUSES, "the address can't be sent: syntax error (#5.1.3)" },
    { P, "", "", CLIENT_REFUSES, "the address can't be sent: syntax error (#5.1.3)" },
  }, *k;
  EACH_CASE(k, paths) {
    int fd = connected(k->offers);
    say(fd, "250 a\r\n250 b\r\n");
    enum client_verified v = client_verify(&c, k->address, text);
    CHECK(v == k->verdict && !strcmp(text, k->text), "%s: %s", k->address, text);
    CHECK(!strcmp(heard(fd), k->out), "%s", k->address);
    client_close(&c);
    close(fd);
  }
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);
  alarm(60);
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(verdicts), cmocka_unit_test(kept), cmocka_unit_test(before_asking), cmocka_unit_test(addresses),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
