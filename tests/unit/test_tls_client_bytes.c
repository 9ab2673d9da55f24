/* lib/tls/client: handshakes that come to nothing, deadlines, ends. */
#include "tls_server.h"

/* The other end keeps silent, hangs up, or talks SMTP. */
static void no_handshake(void **state)
{
  static struct { char const *says; int ends; enum tls_failure want; } const cases[] = {
    { "", 0, TLS_TIMEOUT }, { "", 1, TLS_FAILED }, { "250 what\r\n250 what\r\n", 0, TLS_FAILED },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int s[2];
    struct tls_client *c;
    struct tls_want w = { .check = TLS_CHECK_NONE };
    struct tls_found found;
    char why[TLS_CLIENT_WHY] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s), 0);
    assert_int_equal(write(s[1], cases[i].says, strlen(cases[i].says)), strlen(cases[i].says));
    if (cases[i].ends) shutdown(s[1], SHUT_WR);
    int64_t before = io_now();
    enum tls_failure f = tls_client_start(&c, &all, s[0], &w, before + 150, &found, why);
    CHECK(f == cases[i].want && !c && *why, "case %zu: %d %s", i, f, why);
    CHECK(io_now() - before < 1000 && (f != TLS_TIMEOUT || io_now() - before >= 150), "case %zu", i);
    close(s[0]);
    close(s[1]);
  }
}

/* Deadlines of reads and writes; the end; a broken record. */
static void bytes(void **state)
{
  SSL_CTX *ctx = server_context(GOOD, 0);
  struct tls_want w = { .check = TLS_CHECK_NONE };
  struct tls_found found;
  struct tls_client *c;
  char why[TLS_CLIENT_WHY], buf[64];
  static char const block[65536];
  int fd, status;
  pid_t pid = serve(ctx, &fd);
  assert_int_equal(tls_client_start(&c, &all, fd, &w, io_now() + 5000, &found, why), TLS_FINE);
  int64_t before = io_now();
  assert_int_equal(tls_client_read(c, buf, sizeof buf, before + 100), -1);
  assert_int_equal(errno, ETIMEDOUT);
  assert_true(io_now() - before >= 100 && tls_client_quiet(c));
  assert_int_equal(kill(pid, SIGSTOP), 0);
  ssize_t r;
  while ((r = tls_client_write(c, block, sizeof block, 0)) > 0); /* all that goes at once */
  assert_true(r == -1 && errno == ETIMEDOUT);
  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  tls_client_close(c);
  close(fd);
  pid = serve(ctx, &fd);
  assert_int_equal(tls_client_start(&c, &all, fd, &w, io_now() + 5000, &found, why), TLS_FINE);
  assert_int_equal(tls_client_read(c, buf, sizeof buf, io_now() + 50), -1);
  assert_int_equal(write(fd, "no record at all", 16), 16); /* the server breaks off */
  r = tls_client_read(c, buf, sizeof buf, io_now() + 5000);
  assert_true(r == 0 || (r == -1 && errno == EPROTO));
  assert_false(tls_client_quiet(c));
  tls_client_close(c);
  close(fd);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  SSL_CTX_free(ctx);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(no_handshake), cmocka_unit_test(bytes) };
  return cmocka_run_group_tests(tests, enter, leave);
}
