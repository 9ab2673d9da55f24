/* lib/gate/peer: sockets before the environment, what of the environment stays, PROXY headers read to the byte. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <skalibs/env.h>

#include "base/io.h"
#include "gate/peer.h"

static char const *const names[] = {
  "PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALIP", "TCPLOCALPORT",
    "TCPLOCALHOST",
  "TCP6REMOTEIP", "TCP6REMOTEPORT", "TCP6REMOTEHOST", "TCP6REMOTEINFO", "TCP6LOCALIP", "TCP6LOCALPORT", "TCP6LOCALHOST",
  "TCP6INTERFACE", "REMOTE_HOST", "REMOTE_ADDR", "REMOTE_PORT"
};

/* Sets these variables, and of the above no other. `words` are split at `|`. */
static void set_env(char const *words)
{
  char copy[500];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
  snprintf(copy, sizeof copy, "%s", words);
  for (char *word = strtok(copy, "|"); word; word = strtok(0, "|")) {
    char *equal = strchr(word, '=');
    assert_non_null(equal);
    *equal = 0;
    assert_int_equal(setenv(word, equal + 1, 1), 0);
  }
}

/* The changes that p asks for, applied to the environment as it is; then what there is of the above, as
 * `NAME=value|`. */
static void result(char *out, size_t size, struct peer const *p)
{
  stralloc modifs = STRALLOC_ZERO;
  assert_true(peer_env(&modifs, p));
  for (size_t i = 0; i < modifs.len; ) {
    char *s = modifs.s + i, *equal = strchr(s, '=');
    i += strlen(s) + 1;
    if (equal) *equal = 0;
    if (equal) setenv(s, equal + 1, 1);
    else unsetenv(s);
  }
  stralloc_free(&modifs);
  *out = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char const *value = getenv(names[i]);
    if (value) snprintf(out + strlen(out), size - strlen(out), "%s=%s|", names[i], value);
  }
}

/* Without an internet socket: what the environment says before and after. */
static struct { char const *before, *after; } const environments[] = {
  { "", "" },
  { "PROTO=TCP|TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=4000|TCPREMOTEHOST=a.example|TCPREMOTEINFO=joe|TCPLOCALIP=192.0.2.2|"
    "TCPLOCALPORT=25|TCPLOCALHOST=b.example",
    "PROTO=TCP|TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=4000|TCPREMOTEHOST=a.example|TCPREMOTEINFO=joe|TCPLOCALIP=192.0.2.2|"
    "TCPLOCALPORT=25|TCPLOCALHOST=b.example|" },
  { "TCPREMOTEIP=192.0.2.1", "PROTO=TCP|TCPREMOTEIP=192.0.2.1|" },
  { "TCPREMOTEIP=::ffff:192.0.2.1|TCPLOCALIP=::FFFF:c000:202|TCPREMOTEPORT=05",
    "PROTO=TCP|TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=5|TCPLOCALIP=192.0.2.2|" },
  { "TCPREMOTEIP=2001:DB8:0:0::1", "PROTO=TCP|TCPREMOTEIP=2001:db8::1|" },
  { "TCPREMOTEIP=fe80::1%eth0|TCPLOCALIP=fe80::2%eth0", "PROTO=TCP|TCPREMOTEIP=fe80::1|TCPLOCALIP=fe80::2|" },
  { "PROTO=TCP6|TCP6REMOTEIP=2001:db8::1|TCP6REMOTEPORT=5|TCP6REMOTEHOST=a.example|TCP6LOCALIP=2001:db8::2|"
    "TCP6LOCALPORT=25|"
    "TCP6LOCALHOST=b|TCP6INTERFACE=eth0|TCP6REMOTEINFO=joe",
    "PROTO=TCP|TCPREMOTEIP=2001:db8::1|TCPREMOTEPORT=5|TCPREMOTEHOST=a.example|TCPREMOTEINFO=joe|"
    "TCPLOCALIP=2001:db8::2|"
    "TCPLOCALPORT=25|TCPLOCALHOST=b|" },
  { "PROTO=SSL|TCPREMOTEIP=192.0.2.1", "PROTO=TCP|TCPREMOTEIP=192.0.2.1|" },
  { "PROTO=UNIX|TCPREMOTEIP=192.0.2.1|TCPREMOTEHOST=a.example|TCPREMOTEPORT=1|TCPREMOTEINFO=joe|TCPLOCALIP=192.0.2.1",
    "PROTO=UNIX|" },
  { "TCPREMOTEHOST=a.example|TCPREMOTEINFO=joe|TCPREMOTEPORT=5|TCPLOCALIP=192.0.2.2", "" },
  { "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=x|TCPLOCALIP=x|TCPLOCALPORT=25", "PROTO=TCP|TCPREMOTEIP=192.0.2.1|" },
  { "TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=65536", "PROTO=TCP|TCPREMOTEIP=192.0.2.1|" },
  { "REMOTE_HOST=192.0.2.1", "PROTO=TCP|TCPREMOTEIP=192.0.2.1|REMOTE_HOST=192.0.2.1|" },
  { "REMOTE_HOST=a.example", "REMOTE_HOST=a.example|" },
  { "REMOTE_ADDR=2001:db8::1|REMOTE_PORT=7",
    "PROTO=TCP|TCPREMOTEIP=2001:db8::1|TCPREMOTEPORT=7|REMOTE_ADDR=2001:db8::1|REMOTE_PORT=7|" },
  { "REMOTE_ADDR=192.0.2.3|TCPREMOTEIP=192.0.2.1", "PROTO=TCP|TCPREMOTEIP=192.0.2.1|REMOTE_ADDR=192.0.2.3|" },
  { "REMOTE_PORT=7", "REMOTE_PORT=7|" },
};

static void environment(void **state)
{
  int pair[2], pipes[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  assert_int_equal(pipe(pipes), 0);
  int const fds[] = { pair[0], pipes[0], -1 };
  for (size_t f = 0; f < 3; f++)
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
      struct peer p;
      char after[1000];
      set_env(environments[i].before);
      assert_int_equal(peer_learn(&p, fds[f]), 0);
      result(after, sizeof after, &p);
      assert_string_equal(after, environments[i].after);
    }
  for (unsigned i = 0; i < 2; i++) close(pair[i]), close(pipes[i]);
}

static void bad_environment(void **state)
{
  static char const *const bad[] = { "TCPREMOTEIP=", "TCPREMOTEIP=unknown", "TCPREMOTEIP=192.0.2.01",
    "TCPREMOTEIP=10.1",
    "TCPREMOTEIP=%eth0", "TCPREMOTEIP=192.0.2.1 ", "PROTO=TCP6|TCP6REMOTEIP=x" };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct peer p;
    set_env(bad[i]);
    errno = 0;
    assert_int_equal(peer_learn(&p, -1), -1);
    assert_int_equal(errno, EPROTO);
    assert_int_equal(p.remote.len, 0);
  }
}

/* A connection over loopback: fds[0] is the server's end. `mapped`: an IPv6 socket that takes IPv4. Returns the
 * ports. */
static int connection(int fds[2], int six, int mapped, uint16_t *remote, uint16_t *local)
{
  struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT }, got;
  socklen_t len = sizeof got;
  int off = 0, l = socket(six || mapped ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  if (mapped) a6.sin6_addr = in6addr_any;
  if (l < 0 || (mapped && setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)) return 0;
  if (six || mapped ? bind(l, (struct sockaddr *)&a6, sizeof a6) : bind(l, (struct sockaddr *)&a4, sizeof a4)) return 0;
  assert_int_equal(listen(l, 1), 0);
  assert_int_equal(getsockname(l, (struct sockaddr *)&got, &len), 0);
  a4.sin_port = a6.sin6_port = got.sin6_port;
  *local = ntohs(got.sin6_port);
  fds[1] = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  assert_int_equal(six ? connect(fds[1], (struct sockaddr *)&a6, sizeof a6) : connect(fds[1], (struct sockaddr *)&a4,
    sizeof a4), 0);
  fds[0] = accept(l, 0, 0);
  assert_true(fds[0] >= 0);
  len = sizeof got;
  assert_int_equal(getsockname(fds[1], (struct sockaddr *)&got, &len), 0);
  *remote = ntohs(got.sin6_port);
  close(l);
  return 1;
}

/* The socket wins over every variable; names stay only when the environment speaks of the same connection. */
static void sockets(void **state)
{
  static struct { int six, mapped; char const *ip; } const kinds[] = { { 0, 0, "127.0.0.1" }, { 1, 0, "::1" },
  { 0, 1, "127.0.0.1" } };
  static struct { char const *remote, *local; int shift; char const *more; int host, here; } const rows[] = {
    { 0, 0, 0, "", 0, 0 },
    { "TCPREMOTEIP", "TCPLOCALIP", 0, "PROTO=TCP", 1, 1 },
    { "TCPREMOTEIP", "TCPLOCALIP", 0, "", 1, 1 },
    { "TCPREMOTEIP", "TCPLOCALIP", 1, "PROTO=TCP", 0, 1 },
    { "TCP6REMOTEIP", "TCP6LOCALIP", 0, "PROTO=TCP6", 1, 1 },
    { "TCPREMOTEIP", "TCPLOCALIP", 0, "PROTO=UNIX", 0, 0 },
    { 0, "TCPLOCALIP", 0, "TCPREMOTEIP=192.0.2.1", 0, 1 },
    { 0, "TCPLOCALIP", 0, "TCPREMOTEIP=junk", 0, 0 },
    { 0, "TCPLOCALIP", 0, "REMOTE_HOST=192.0.2.1", 0, 0 },
    { "TCPREMOTEIP", 0, 0, "TCPLOCALIP=192.0.2.1", 1, 0 },
  };
  for (size_t k = 0; k < 3; k++) {
    int fds[2];
    uint16_t remote, local;
    if (!connection(fds, kinds[k].six, kinds[k].mapped, &remote, &local)) continue;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      struct peer p;
      char before[300], after[1000], wanted[1000];
      snprintf(before, sizeof before, "%s|TCPREMOTEHOST=h|TCPREMOTEINFO=i|TCPLOCALHOST=l|TCPREMOTEPORT=%u|%s=%s|%s=%s",
               rows[i].more, (unsigned)remote + (unsigned)rows[i].shift, rows[i].remote ? rows[i].remote : "UNUSED",
               kinds[k].ip, rows[i].local ? rows[i].local : "UNUSED", kinds[k].ip);
      set_env(before);
      assert_int_equal(peer_learn(&p, fds[0]), 0);
      result(after, sizeof after, &p);
      snprintf(wanted, sizeof wanted, "PROTO=TCP|TCPREMOTEIP=%s|TCPREMOTEPORT=%u|%sTCPLOCALIP=%s|TCPLOCALPORT=%u|%s",
        kinds[k].ip,
               (unsigned)remote, rows[i].host ? "TCPREMOTEHOST=h|TCPREMOTEINFO=i|" : "", kinds[k].ip, (unsigned)local,
               rows[i].here ? "TCPLOCALHOST=l|" : *rows[i].more == 'R' ? "REMOTE_HOST=192.0.2.1|" : "");
      assert_string_equal(after, wanted);
    }
    close(fds[0]);
    close(fds[1]);
  }
}

/* An internet socket without a peer must not fall back to the environment. */
static void gone(void **state)
{
  struct peer p;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  set_env("PROTO=TCP|TCPREMOTEIP=192.0.2.1");
  assert_int_equal(peer_learn(&p, fd), -1);
  assert_int_equal(errno, ENOTCONN);
  assert_int_equal(p.remote.len, 0);
  close(fd);
}

static void proxy(void **state)
{
  static struct { char const *header; char const *after; } const rows[] = {
    { "PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\n",
      "PROTO=TCP|TCPREMOTEIP=192.0.2.1|TCPREMOTEPORT=4000|TCPLOCALIP=192.0.2.2|TCPLOCALPORT=25|" },
    { "PROXY TCP6 2001:db8::1 2001:db8::2 4000 25\r\n",
      "PROTO=TCP|TCPREMOTEIP=2001:db8::1|TCPREMOTEPORT=4000|TCPLOCALIP=2001:db8::2|TCPLOCALPORT=25|" },
    { "PROXY UNKNOWN\r\n", "PROTO=TCP|TCPREMOTEIP=192.0.2.9|TCPREMOTEHOST=proxy.example|TCPREMOTEINFO=joe|" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fds[2];
    struct peer p;
    struct proxy x;
    char after[1000], rest[16];
    set_env("TCPREMOTEIP=192.0.2.9|TCPREMOTEHOST=proxy.example|TCPREMOTEINFO=joe");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(peer_learn(&p, fds[0]), 0);
    assert_true(write(fds[1], rows[i].header, strlen(rows[i].header)) > 0);
    assert_int_equal(write(fds[1], "EHLO a\r\n", 8), 8);
    assert_int_equal(peer_read_proxy(fds[0], &x, io_now() + 5000), 0);
    assert_int_equal(read(fds[0], rest, sizeof rest), 8);
    peer_set_proxy(&p, &x);
    result(after, sizeof after, &p);
    assert_string_equal(after, rows[i].after);
    close(fds[0]);
    close(fds[1]);
  }
}

static void bad_proxy(void **state)
{
  static struct { char const *sent; int close, error; } const rows[] = {
    { "EHLO a.example\r\n", 0, EPROTO }, { "PROXY TCP4 192.0.2.1", 1, EPIPE }, { "", 1, EPIPE }, { "", 0, ETIMEDOUT },
    { "PROXY TCP4 192.0.2.1 192.0.2.2 4000 ", 0, ETIMEDOUT },
    { "PROXY TCP4 192.0.2.1 192.0.2.2 4000 70000\r\n", 0, EPROTO },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fds[2];
    struct proxy x;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    if (*rows[i].sent) assert_true(write(fds[1], rows[i].sent, strlen(rows[i].sent)) > 0);
    if (rows[i].close) shutdown(fds[1], SHUT_WR);
    int64_t start = io_now();
    assert_int_equal(peer_read_proxy(fds[0], &x, start + 100), -1);
    assert_int_equal(errno, rows[i].error);
    assert_true(io_now() - start < 2000);
    close(fds[0]);
    close(fds[1]);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(environment), cmocka_unit_test(bad_environment), cmocka_unit_test(sockets), cmocka_unit_test(gone),
    cmocka_unit_test(proxy), cmocka_unit_test(bad_proxy),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
