/* A transaction that is to reach all recipients or none: nothing of the message goes out before the server has taken
 * every one of them, whatever it offers. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "unit.h"
#include "smtp/client_send.h"

#define P CLIENT_PIPELINING
#define B CLIENT_CHUNKING
#define MAIL "MAIL FROM:<s@x.example>\r\n"
#define AB "RCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n"
#define NOT_ALL "H did not take all recipients: nothing was sent|"

static struct client c;
static struct client_body body;
static struct client_report report;

/* Recipients a@y and b@y, or a second that can't be sent: what the server says, what it hears, what is reported. */
static struct all_case {
  unsigned offers;
  char const *second, *replies, *wire, *report;
  int dirty;
} const cases[] = {
  { 0, "b@y", "250 m\r\n250 r\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL AB "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|rH said: 250 r|KH said: 250 t|", 0 },
  { P, "b@y", "250 m\r\n250 r\r\n250 r\r\n354 d\r\n250 t\r\n", MAIL AB "DATA\r\nx\r\n.\r\n",
    "rH said: 250 r|rH said: 250 r|KH said: 250 t|", 0 },
  { P | B, "b@y", "250 m\r\n250 r\r\n250 r\r\n250 t\r\n", MAIL AB "BDAT 3 LAST\r\nx\r\n",
    "rH said: 250 r|rH said: 250 r|KH said: 250 t|", 0 },
  { 0, "b@y", "250 m\r\n250 r\r\n550 r\r\n", MAIL AB, "rH said: 250 r|hH said: 550 r|D" NOT_ALL, 1 },
  { P, "b@y", "250 m\r\n250 r\r\n550 r\r\n", MAIL AB, "rH said: 250 r|hH said: 550 r|D" NOT_ALL, 1 },
  { P | B, "b@y", "250 m\r\n550 r\r\n250 r\r\n", MAIL AB, "hH said: 550 r|rH said: 250 r|D" NOT_ALL, 1 },
  { P | B, "b@y", "250 m\r\n450 r\r\n250 r\r\n", MAIL AB, "sH said: 450 r|rH said: 250 r|Z" NOT_ALL, 1 },
  { B, "b@y", "250 m\r\n450 r\r\n550 r\r\n", MAIL AB, "sH said: 450 r|hH said: 550 r|D" NOT_ALL, 1 },
  { P, "b@y", "250 m\r\n550 r\r\n550 q\r\n", MAIL AB, "hH said: 550 r|hH said: 550 q|D" NOT_ALL, 1 },
  { P, "b\x01@y", "250 m\r\n250 r\r\n", MAIL "RCPT TO:<a@y>\r\n",
    "rH said: 250 r|hthe recipient's address can't be sent: syntax error (#5.1.3)|D" NOT_ALL, 1 },
  { P, "b@y", "550 m\r\n503 r\r\n503 r\r\n", MAIL AB, "hH said: 550 m|hH said: 550 m|DH said: 550 m|", 1 },
  { P, "b@y", "250 m\r\n250 r\r\n", MAIL AB, "rH said: 250 r|sH closed the connection (#4.4.2)|"
    "ZH closed the connection (#4.4.2)|", 0 },
};

/* The server's end of a connection as it is after EHLO, with its replies waiting; it says no more. */
static int connected(unsigned offers, char const *replies)
{
  int p[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
  fcntl(p[0], F_SETFL, O_NONBLOCK);
  client_init(&c);
  c.fd = p[0];
  c.offers = offers;
  c.patience = 2;
  strcpy(c.name, "H");
  assert_int_equal(write(p[1], replies, strlen(replies)), strlen(replies));
  shutdown(p[1], SHUT_WR);
  return p[1];
}

static void send_two(char const *second)
{
  char list[64] = "a@y";
  FILE *f = tmpfile();
  assert_non_null(f);
  assert_true(fputs("x\n", f) >= 0 && !fflush(f));
  rewind(f);
  strcpy(list + 4, second);
  memset(&body, 0, sizeof body);
  assert_int_equal(client_body_open(&body, fileno(f), -1), 0);
  struct client_message m = { .sender = "s@x.example", .recipients = list, .n = 2, .all = 1, .body = &body };
  client_report_clear(&report);
  assert_int_equal(client_send(&c, &m, &report), CLIENT_SENT);
  fclose(f);
}

static void all_or_none(void **state)
{
  struct all_case const *x;
  (void)state;
  EACH_CASE(x, cases) {
    char heard[500];
    int server = connected(x->offers, x->replies);
    send_two(x->second);
    for (size_t i = 0; i < report.sa.len; i++) if (!report.sa.s[i]) report.sa.s[i] = '|';
    CHECK(report.sa.len == strlen(x->report) && !memcmp(report.sa.s, x->report, report.sa.len), "case %zu: %.*s", i_,
          (int)report.sa.len, report.sa.s);
    ssize_t n = recv(server, heard, sizeof heard - 1, MSG_DONTWAIT);
    assert_true(n >= 0);
    heard[n] = 0;
    CHECK(!strcmp(heard, x->wire), "case %zu: %s", i_, heard);
    CHECK(c.dirty == (unsigned)x->dirty, "case %zu", i_);
    client_close(&c);
    close(server);
  }
  client_report_free(&report);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(all_or_none) };
  return cmocka_run_group_tests(tests, 0, 0);
}
