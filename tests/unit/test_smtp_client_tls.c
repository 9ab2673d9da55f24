/* STARTTLS as the client says it, and another transport under it: a double for TLS that carries bytes in pieces. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "unit.h"
#include "base/io.h"
#include "smtp/client_hello.h"

static struct client c;

/* The double: `in` is what the server says under TLS; what we say is kept in `out`. */
struct double_tls {
  char const *in;
  size_t piece;      /* bytes that a read or a write carries at most */
  int end;           /* errno behind the last byte; 0: the end */
  int write_errno;
  unsigned closes, noisy;
  size_t out_len;
  char out[2000];
};

static ssize_t double_read(void *arg, char *buf, size_t n, int64_t deadline)
{
  struct double_tls *d = arg;
  assert_true(n > 0 && deadline > io_now() - 5000);
  size_t left = strlen(d->in);
  if (!left) return d->end ? (errno = d->end, -1) : 0;
  if (n > left) n = left;
  if (n > d->piece) n = d->piece;
  memcpy(buf, d->in, n);
  d->in += n;
  return (ssize_t)n;
}

static ssize_t double_write(void *arg, char const *s, size_t n, int64_t deadline)
{
  struct double_tls *d = arg;
  (void)deadline;
  if (d->write_errno) return errno = d->write_errno, -1;
  if (n > d->piece) n = d->piece;
  assert_true(d->out_len + n < sizeof d->out);
  memcpy(d->out + d->out_len, s, n);
  d->out[d->out_len += n] = 0;
  return (ssize_t)n;
}

static int double_quiet(void *arg)
{
  return !((struct double_tls *)arg)->noisy;
}

static void double_close(void *arg)
{
  ((struct double_tls *)arg)->closes++;
}

static struct client_transport const transport = { double_read, double_write, double_quiet, double_close };

/* A connection whose server has said all this. Returns the server's end. */
static int connected(char const *says, int end)
{
  int p[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p), 0);
  client_init(&c);
  c.fd = p[0];
  c.patience = 1;
  assert_int_equal(write(p[1], says, strlen(says)), strlen(says));
  if (end) shutdown(p[1], SHUT_WR);
  return p[1];
}

static struct starttls_case {
  char const *before;    /* read ahead: it stood behind EHLO's answer */
  char const *says;
  int end;
  enum client_hello want;
  enum client_trouble trouble;
} const cases[] = {
  { "", "220 go\r\n", 0, CLIENT_READY, 0 },
  { "", "220-wait\r\n220 go\r\n", 0, CLIENT_READY, 0 },
  { "", "220 go\r\n2", 0, CLIENT_BROKEN, CLIENT_INJECTED },
  { "", "220 go\r\n250 x\r\n", 0, CLIENT_BROKEN, CLIENT_INJECTED },
  { "", "220 go\r\n\026\003\001", 0, CLIENT_BROKEN, CLIENT_INJECTED }, /* the server never speaks first */
  { "220 go\r\n", "", 0, CLIENT_BROKEN, CLIENT_INJECTED },
  { "250 x\r\n", "220 go\r\n", 0, CLIENT_BROKEN, CLIENT_INJECTED },
  { "", "454 later\r\n", 0, CLIENT_REFUSED, 0 },
  { "", "454 later\r\n250 x\r\n", 0, CLIENT_BROKEN, CLIENT_INJECTED },
  { "", "250 ok\r\n", 0, CLIENT_REFUSED, 0 },  /* not what RFC 3207 4 has */
  { "", "502 what\r\n", 0, CLIENT_REFUSED, 0 },
  { "", "hello\r\n", 0, CLIENT_BROKEN, CLIENT_GARBAGE },
  { "", "", 1, CLIENT_BROKEN, CLIENT_LOST },
  { "", "22", 1, CLIENT_BROKEN, CLIENT_LOST },
  { "", "", 0, CLIENT_BROKEN, CLIENT_TIMEOUT },
};

static void starttls(void **state)
{
  struct starttls_case const *k;
  EACH_CASE(k, cases) {
    char sent[100];
    int fd = connected(k->says, k->end);
    c.in_len = strlen(k->before);
    memcpy(c.in, k->before, c.in_len);
    enum client_hello h = client_starttls(&c);
    ssize_t n = read(fd, sent, sizeof sent);
    CHECK(h == k->want, "case %zu: %d", i_, h);
    CHECK(h != CLIENT_BROKEN || c.trouble == k->trouble, "case %zu: %d", i_, c.trouble);
    if (*k->before) CHECK(n < 0, "case %zu: STARTTLS was said all the same", i_);
    else CHECK(n == 10 && !memcmp(sent, "STARTTLS\r\n", 10), "case %zu: %zd", i_, n);
    if (k->trouble == CLIENT_INJECTED) CHECK(strstr(client_trouble_text(&c), "than its answer to"), "case %zu", i_);
    client_close(&c);
    close(fd);
  }
}

/* Nothing of the time before counts, and every byte goes through the transport. */
static void under_tls(void **state)
{
  for (size_t piece = 1; piece < 40; piece++) {
    struct double_tls d = { .in = "250-sink.example\r\n250-CHUNKING\r\n250 STARTTLS\r\n250 ok\r\n221 bye\r\n",
      .piece = piece };
    char plain[10];
    int fd = connected("220 sink.example\r\n250-sink.example\r\n250-PIPELINING\r\n250-SIZE 5\r\n250 STARTTLS\r\n", 0);
    assert_int_equal(client_hello(&c, "me.example", 1), CLIENT_READY);
    assert_int_equal(c.offers, CLIENT_PIPELINING | CLIENT_SIZE | CLIENT_STARTTLS);
    assert_int_equal(read(fd, plain, sizeof plain), sizeof plain);
    while (read(fd, plain, sizeof plain) > 0);
    client_secured(&c, &transport, &d);
    assert_true(c.offers == 0 && c.size == 0);
    assert_int_equal(client_hello_again(&c, "me.example", 1), CLIENT_READY);
    assert_int_equal(c.offers, CLIENT_CHUNKING | CLIENT_STARTTLS);
    assert_string_equal(c.greeting, "sink.example");
    client_puts(&c, "NOOP\r\n");
    assert_int_equal(client_flush(&c, 1), 0);
    assert_int_equal(client_read(&c, 1), 250);
    client_quit(&c);
    assert_string_equal(d.out, "EHLO me.example\r\nNOOP\r\nQUIT\r\n");
    assert_int_equal(d.closes, 1);
    assert_true(c.fd == -1 && !c.via);
    assert_int_equal(read(fd, plain, sizeof plain), 0); /* not a byte in the clear, and closed */
    close(fd);
  }
}

static void ourselves(void **state)
{
  struct double_tls d = { .in = "250 me.example\r\n", .piece = 99 };
  int fd = connected("", 0);
  client_secured(&c, &transport, &d);
  assert_int_equal(client_hello_again(&c, "me.example", 1), CLIENT_SELF);
  client_close(&c);
  close(fd);
}

/* Failures of the transport, and what is said of them. */
static void failing(void **state)
{
  struct double_tls ends = { .in = "25", .piece = 1 }, breaks = { .in = "", .piece = 1, .end = EPROTO },
    deaf = { .in = "", .piece = 9, .write_errno = EPIPE },
    parting = { .in = "421 bye\r\n", .piece = 9, .write_errno = EPIPE };
  struct { struct double_tls *d; enum client_hello want; char const *text; } const all[] = {
    { &ends, CLIENT_BROKEN, "closed the connection (#4.4.2)" }, { &breaks, CLIENT_BROKEN, "broke TLS (#4.4.2)" },
    { &deaf, CLIENT_BROKEN, "closed the connection (#4.4.2)" }, { &parting, CLIENT_REFUSED, 0 },
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    int fd = connected("", 0);
    client_secured(&c, &transport, all[i].d);
    CHECK(client_hello_again(&c, "me.example", 0) == all[i].want, "case %zu", i);
    if (all[i].text) CHECK(!strcmp(client_trouble_text(&c), all[i].text), "case %zu: %s", i, client_trouble_text(&c));
    else CHECK(c.reply.code == 421, "case %zu", i);
    client_leave(&c);
    CHECK(all[i].d->closes == 1, "case %zu", i);
    close(fd);
  }
}

/* Bytes of TLS alone, tickets for instance, are no word of the server: the transport is quiet. */
static void alive(void **state)
{
  struct double_tls d = { .in = "", .piece = 9 };
  int fd = connected("x", 0);
  assert_false(client_alive(&c));
  client_secured(&c, &transport, &d);
  assert_true(client_alive(&c));
  d.noisy = 1;
  assert_false(client_alive(&c));
  client_close(&c);
  assert_false(client_alive(&c));
  close(fd);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(starttls), cmocka_unit_test(under_tls), cmocka_unit_test(ourselves), cmocka_unit_test(failing),
    cmocka_unit_test(alive),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
