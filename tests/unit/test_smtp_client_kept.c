/* Connections that are kept for the next message or given up meanwhile, and servers that say too much or nothing. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "smtp_client.h"

#define P CLIENT_PIPELINING
#define B CLIENT_CHUNKING

/* A kept connection: RSET when something was left open; given up by the server it is to be made anew, and nothing is
 * reported. */
static void kept(void **state)
{
  static struct { char const *replies; enum client_sent sent; char const *report; } const ends[] = {
    { "", CLIENT_DEAD, "" }, { "421 idle\r\n", CLIENT_DEAD, "" }, { "502 rset?\r\n", CLIENT_DEAD, "" },
    { "250 r\r\n", CLIENT_DEAD, "" }, { "250 r\r\n421 enough\r\n", CLIENT_DEAD, "" },
    { "250 r\r\n250 m\r\n", CLIENT_SENT, "sH closed the connection (#4.4.2)|ZH closed the connection (#4.4.2)|" },
    { "250 r\r\n451 m\r\n503\r\n503\r\n", CLIENT_SENT, "sH said: 451 m|ZH said: 451 m|" },
    { "250 r\r\n250 m\r\n421 r\r\n", CLIENT_SENT, "sH said: 421 r|ZH said: 421 r|" },
    { "250 r\r\n550 m\r\n", CLIENT_SENT, "hH said: 550 m|DH said: 550 m|" },
    { "garbage\r\n", CLIENT_SENT, "ZH sent something that is no reply (#4.5.0)|" },
  }, *e;
  char wire[2000];
  int status;
  EACH_CASE(e, ends) {
    int fd = connected(P, 0);
    say(fd, "250 m\r\n550 r\r\n503 d\r\n");
    assert_int_equal(send_text("s@x", "a@y", "x\n", 0), CLIENT_SENT);
    heard(fd, wire, sizeof wire);
    assert_true(c.used && c.dirty);
    /* the reply to RSET, MAIL, ... comes once they were sent: a child plays the server */
    fcntl(fd, F_SETFL, 0);
    pid_t child = fork();
    if (!child) {
      char in[500];
      if (read(fd, in, sizeof in) < 6 || memcmp(in, "RSET\r\n", 6)) _exit(1);
      _exit(write(fd, e->replies, strlen(e->replies)) < 0);
    }
    close(fd);
    enum client_sent sent = send_text("s@x", "a@y", "x\n", 0);
    CHECK(sent == e->sent, "%s", e->replies);
    CHECK(!strcmp(said(), e->report), "%s: %s", e->replies, said());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    client_close(&c);
  }
}

/* 421 as the first word of a kept connection, and a connection that was closed in between. */
static void kept_but_dead(void **state)
{
  static char const *const words[] = { "", "421 idle\r\n" };
  for (size_t i = 0; i < 4; i++) {
    char wire[500];
    int fd = connected(P | B, 0);
    say(fd, "250 m\r\n250 r\r\n250 t\r\n");
    assert_int_equal(send_text("s@x", "a@y", "x\n", 0), CLIENT_SENT);
    assert_true(c.used && !c.dirty && client_alive(&c));
    heard(fd, wire, sizeof wire);
    if (i < 2) { /* seen before anything is sent */
      say(fd, words[i]);
      shutdown(fd, SHUT_WR);
    }
    else { /* seen after */
      fcntl(fd, F_SETFL, 0);
      pid_t child = fork();
      if (!child) {
        char in[500];
        _exit(read(fd, in, sizeof in) < 5 || write(fd, words[i - 2], strlen(words[i - 2])) < 0);
      }
      close(fd);
    }
    assert_int_equal(send_text("s@x", "a@y", "x\n", 0), CLIENT_DEAD);
    assert_int_equal(report.sa.len, 0);
    client_close(&c);
    if (i >= 2) continue;
    heard(fd, wire, sizeof wire);
    assert_string_equal(wire, "");
    close(fd);
  }
}

/* A server that says more than it was asked could make a later verdict look like an earlier one. */
static void unasked(void **state)
{
  int fd = connected(P, 0);
  char wire[100];
  memcpy(c.in, "250 x\r\n", 7);
  c.in_len = 7;
  assert_int_equal(send_text("s@x", "a@y", "x\n", 0), CLIENT_SENT);
  assert_string_equal(said(), "ZH sent a reply to nothing (#4.5.0)|");
  heard(fd, wire, sizeof wire);
  assert_string_equal(wire, "");
  assert_int_equal(c.fd, -1);
  close(fd);
}

static void silent(void **state)
{
  int fd = connected(P, 0);
  c.patience = 1;
  assert_int_equal(send_text("s@x", "a@y", "x\n", 0), CLIENT_SENT);
  assert_string_equal(said(), "ZH did not answer in time (#4.4.2)|");
  assert_int_equal(c.fd, -1);
  close(fd);
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(kept), cmocka_unit_test(kept_but_dead), cmocka_unit_test(unasked), cmocka_unit_test(silent),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
