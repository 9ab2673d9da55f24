/* LMTP: an answer for each recipient that was accepted, and what the report makes of them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "unit.h"
#include "smtp/client_hello.h"
#include "smtp/client_send.h"

static struct client c;
static struct client_body body;

static int connected(char const *says)
{
  int p[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
  client_init(&c);
  strcpy(c.name, "S");
  c.fd = p[0];
  c.lmtp = 1;
  c.patience = 1;
  assert_int_equal(write(p[1], says, strlen(says)), strlen(says));
  return p[1];
}

static struct lmtp_case {
  char const *name, *says; /* behind MAIL's answer */
  unsigned all, open;      /* open: the connection is good for another message */
  char const *want;        /* the report, `|` for NUL; where it ends with `*` any text */
} const cases[] = {
  { "all", "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 1\r\n250 2\r\n250 3\r\n", 0, 1,
    "rS said: 250 1|rS said: 250 2|rS said: 250 3|K|" },
  { "mixed", "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 1\r\n552 5.2.2 full\r\n451 later\r\n", 0, 1,
    "rS said: 250 1|hS said: 552 5.2.2 full|sS said: 451 later|KS said: 250 1|" },
  { "some refused before", "550 a\r\n250 b\r\n450 c\r\n354 go\r\n250 2\r\n", 0, 1,
    "hS said: 550 a|rS said: 250 2|sS said: 450 c|KS said: 250 2|" },
  { "the one accepted is refused", "550 a\r\n250 b\r\n550 c\r\n354 go\r\n550 2\r\n", 0, 1,
    "hS said: 550 a|hS said: 550 2|hS said: 550 c|DS refused all recipients|" },
  { "none yet", "550 a\r\n250 b\r\n550 c\r\n354 go\r\n450 2\r\n", 0, 1,
    "hS said: 550 a|sS said: 450 2|hS said: 550 c|ZS took no recipient|" },
  { "DATA refused", "250 a\r\n250 b\r\n250 c\r\n452 full\r\n", 0, 1,
    "rS said: 250 a|rS said: 250 b|rS said: 250 c|ZS said: 452 full|" },
  { "421 between", "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 1\r\n421 bye\r\n", 0, 0,
    "rS said: 250 1|sS said: 421 bye|"
    "sS said: 421 bye after the whole message was sent; it may arrive twice|KS said: 250 1|" },
  { "lost between", "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 1\r\n550 2\r\n", 0, 0,
    "rS said: 250 1|hS said: 550 2|"
    "sS closed the connection (#4.4.2) after the whole message was sent; it may arrive twice|"
    "KS said: 250 1|" },
  { "lost at once", "250 a\r\n550 b\r\n250 c\r\n354 go\r\n", 0, 0,
    "sS closed the connection (#4.4.2) after the whole message was sent; it may arrive twice|hS said: 550 b|"
    "sS closed the connection (#4.4.2) after the whole message was sent; it may arrive twice|"
    "ZS closed the connection (#4.4.2) after the whole message was sent; it may arrive twice|" },
  { "no recipient, and 354", "550 a\r\n550 b\r\n550 c\r\n354 go\r\n", 0, 0,
    "hS said: 550 a|hS said: 550 b|hS said: 550 c|DS refused all recipients|" },
  { "no recipient", "550 a\r\n550 b\r\n550 c\r\n503 none\r\n", 0, 1,
    "hS said: 550 a|hS said: 550 b|hS said: 550 c|DS refused all recipients|" },
  { "all or none, all", "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 1\r\n250 2\r\n250 3\r\n", 1, 1,
    "rS said: 250 1|rS said: 250 2|rS said: 250 3|K|" },
  { "all or none, late no", "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 1\r\n550 2\r\n450 3\r\n", 1, 1,
    "rS said: 250 1|hS said: 550 2|sS said: 450 3|DS delivered to some recipients, and not to others|" },
  { "all or none, late not now", "250 a\r\n250 b\r\n250 c\r\n354 go\r\n250 1\r\n250 2\r\n450 3\r\n", 1, 1,
    "rS said: 250 1|rS said: 250 2|sS said: 450 3|ZS delivered to some recipients, and not to others|" },
};

/* With PIPELINING and without; CHUNKING, which is offered, is never used. */
static void verdicts(void **state)
{
  struct lmtp_case const *k;
  EACH_CASE(k, cases) for (int pipelining = 0; pipelining < 2; pipelining++) {
    char says[1000], got[2000];
    struct client_report r = CLIENT_REPORT_ZERO;
    struct client_message m = { .sender = "s@x", .recipients = "a@y\0b@y\0c@y", .n = 3, .body = &body };
    m.all = k->all & 1;
    if (!pipelining && strstr(k->name, "no recipient")) continue; /* DATA is not said then */
    snprintf(says, sizeof says, "220 S LMTP\r\n250-S\r\n%s250 CHUNKING\r\n",
      pipelining ? "250-PIPELINING\r\n" : "");
    int fd = connected(says);
    assert_int_equal(client_hello(&c, "me.example", 0), CLIENT_READY);
    assert_int_equal(client_body_rewind(&body), 0);
    snprintf(says, sizeof says, "250 mail\r\n%s", k->says);
    assert_int_equal(write(fd, says, strlen(says)), strlen(says));
    if (!k->open) shutdown(fd, SHUT_WR);
    assert_int_equal(client_send(&c, &m, &r), CLIENT_SENT);
    for (size_t i = 0; i < r.sa.len; i++) got[i] = r.sa.s[i] ? r.sa.s[i] : '|';
    got[r.sa.len] = 0;
    CHECK(!strcmp(got, k->want), "%s: %s", k->name, got);
    CHECK(r.lines == 3, "%s: %u", k->name, r.lines);
    CHECK((c.fd >= 0) == k->open, "%s: fd %d", k->name, c.fd);
    client_close(&c);
    ssize_t n = read(fd, says, sizeof says - 1);
    says[n < 0 ? 0 : n] = 0;
    CHECK(!strncmp(says, "LHLO me.example\r\nMAIL", 21) && !strstr(says, "BDAT"), "%s: %s", k->name, says);
    client_report_free(&r);
    close(fd);
  }
}

/* LHLO is not followed by HELO. */
static void no_helo(void **state)
{
  char sent[200];
  int fd = connected("220 S\r\n500 what\r\n250 S\r\n");
  assert_int_equal(client_hello(&c, "me.example", 0), CLIENT_REFUSED);
  client_close(&c);
  sent[read(fd, sent, sizeof sent - 1)] = 0;
  assert_string_equal(sent, "LHLO me.example\r\n");
  close(fd);
}

/* Sockets: one that listens, one that nobody listens on, none, one whose queue is full, a name too long. */
static void sockets(void **state)
{
  char dir[] = "/tmp/posthouse-XXXXXX", longer[200];
  struct sockaddr_un sa = { .sun_family = AF_UNIX };
  assert_non_null(mkdtemp(dir));
  snprintf(sa.sun_path, sizeof sa.sun_path, "%s/s", dir);
  client_init(&c);
  c.patience = 1;
  assert_true(client_connect_local(&c, sa.sun_path) < 0 && errno == ENOENT);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
  assert_true(client_connect_local(&c, sa.sun_path) < 0 && errno == ECONNREFUSED);
  assert_int_equal(listen(fd, 0), 0);
  assert_int_equal(client_connect_local(&c, sa.sun_path), 0);
  assert_string_equal(c.name, sa.sun_path);
  int first = c.fd;
  assert_true(client_connect_local(&c, sa.sun_path) < 0 && errno == ETIMEDOUT);
  close(first);
  memset(longer, 'x', sizeof longer);
  longer[0] = '/';
  longer[108] = 0;
  assert_true(client_connect_local(&c, longer) < 0 && errno == ENAMETOOLONG);
  close(fd);
  unlink(sa.sun_path);
  rmdir(dir);
}

static int open_body(void **state)
{
  FILE *f = tmpfile();
  if (!f || fputs("Subject: x\n\nhello\n.dot\n", f) < 0 || fflush(f)) return -1;
  return client_body_open(&body, fileno(f), -1);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(verdicts), cmocka_unit_test(no_helo), cmocka_unit_test(sockets),
  };
  return cmocka_run_group_tests(tests, open_body, 0);
}
