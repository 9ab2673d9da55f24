/* lib/ucspi: descriptors through a socket, the answer to `Y`, the environment before it, the process that waits. */
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/io.h"
#include "ucspi/pass.h"
#include "ucspi/vars.h"
#include "ucspi/wait.h"

#define S(s) s, sizeof s - 1

static struct vars_case {
  char const *in;
  size_t len;
  int r;            /* 1, 0, -1 */
  char const *list; /* what comes out, each with its NUL */
  size_t list_len;
} const vars_cases[] = {
  { S("\0"), 1, S("") },
  { S("SSL_A=1\0\0"), 1, S("SSL_A=1\0") },
  { S("SSL_A=\0SSL_B=x=y z\0\0"), 1, S("SSL_A=\0SSL_B=x=y z\0") },
  { S("PATH=/x\0SSL_A=1\0LD_PRELOAD=x\0\0"), 1, S("SSL_A=1\0") },
  { S("ssl_a=1\0SSL-A=1\0SSL_A B=1\0SSLCTLFD=4\0SSL_=1\0\0"), 1, S("SSL_=1\0") },
  { S("SSL_A=1\0"), 0, S("SSL_A=1\0") },
  { S(""), 0, S("") },
  { S("SSL_A\0\0"), 1, S("") },
  { S("SSL_A=1\0SSL_B\0PATH\0SSL_C=2\0\0"), 1, S("SSL_A=1\0SSL_C=2\0") },
  { S("=\0\0"), -1, 0, 0 },
  { S("SSL_A=1\0\0x"), -1, 0, 0 },
  { S("\0\0"), -1, 0, 0 },
};

/* However the answer is cut into pieces, the same comes out. */
static void vars(void **state)
{
  (void)state;
  struct vars_case const *c;
  EACH_CASE(c, vars_cases) for (size_t piece = 1; piece <= c->len + 1; piece++) {
    stralloc list = STRALLOC_ZERO;
    struct ucspi_vars v = { .list = &list };
    int r = 0;
    errno = 0;
    for (size_t at = 0; at < c->len && r >= 0; at += piece) {
      if (r > 0) r = -1; /* the end was there, and more comes: who reads one at a time sees that in the next piece */
      else r = ucspi_vars_add(&v, c->in + at, at + piece < c->len ? piece : c->len - at);
    }
    CHECK(r == c->r, "case %zu, pieces of %zu: %d", i_, piece, r);
    int same = r < 0 || (list.len == c->list_len && !memcmp(list.s ? list.s : "", c->list, list.len));
    CHECK(same, "case %zu, pieces of %zu: list", i_, piece);
    stralloc_free(&list);
  }
}

static void vars_too_long(void **state)
{
  (void)state;
  static char big[UCSPI_VARS + 2] = "SSL_A=";
  memset(big + 6, 'x', sizeof big - 6);
  for (int over = 0; over < 2; over++) {
    stralloc list = STRALLOC_ZERO;
    struct ucspi_vars v = { .list = &list };
    big[UCSPI_VARS - 2 + over] = 0;
    big[UCSPI_VARS - 1 + over] = 0;
    assert_int_equal(ucspi_vars_add(&v, big, UCSPI_VARS + (size_t)over), over ? -1 : 1);
    stralloc_free(&list);
    memset(big + 6, 'x', sizeof big - 6);
  }
}

static void vars_from_a_socket(void **state)
{
  (void)state;
  int p[2];
  stralloc list = STRALLOC_ZERO;
  assert_true(stralloc_catb(&list, "A=1", 4));
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
  assert_int_equal(write(p[0], "SSL_A=1\0", 8), 8);
  assert_int_equal(ucspi_vars_read(p[1], &list, io_now() + 20), -1);
  assert_int_equal(errno, ETIMEDOUT);
  assert_int_equal(list.len, 4);
  assert_int_equal(write(p[0], "SSL_A=1\0\0", 9), 9);
  assert_int_equal(ucspi_vars_read(p[1], &list, io_now() + 5000), 0);
  assert_int_equal(list.len, 12);
  assert_memory_equal(list.s, "A=1\0SSL_A=1", 12);
  close(p[0]);
  assert_int_equal(ucspi_vars_read(p[1], &list, io_now() + 5000), -1);
  assert_int_equal(errno, EPIPE);
  close(p[1]);
  stralloc_free(&list);
}

static void clearing(void **state)
{
  (void)state;
  char const *const env[] = { "PATH=/bin", "SSLCTLFD=3", "SSL_PROTOCOL=x", "SSL_CERT_FILE=x", "SSL_CERT_DIR=x",
    "SSLKEYLOGFILE=x", "SSLREADFD=4", "SSL_=", "SSLWRITEFD=4", "XSSL_A=1", "SSL_CERT_FILEX=1", 0 };
  stralloc modifs = STRALLOC_ZERO;
  assert_true(ucspi_vars_clear(&modifs, env));
  char const want[] = "SSLCTLFD\0SSL_PROTOCOL\0SSLREADFD\0SSL_\0SSLWRITEFD\0SSL_CERT_FILEX";
  assert_int_equal(modifs.len, sizeof want);
  assert_memory_equal(modifs.s, want, sizeof want);
  stralloc_free(&modifs);
}

static int same(int a, int b)
{
  struct stat x, y;
  return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void passing(void **state)
{
  (void)state;
  int p[2], n[2];
  char c;
  struct ucspi_fds got;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) | pipe(n), 0);
  assert_int_equal(ucspi_take(p[1], &got), -1);
  assert_int_equal(errno, EAGAIN);
  assert_int_equal(ucspi_pass(p[0], &(struct ucspi_fds){ .in = n[0], .out = n[1], .plain = p[0] }, "Y"), 0);
  assert_int_equal(ucspi_take(p[1], &got), 1);
  assert_true(same(got.in, n[0]) && same(got.out, n[1]) && same(got.plain, p[0]));
  assert_int_equal(fcntl(got.in, F_GETFD) & fcntl(got.out, F_GETFD) & fcntl(got.plain, F_GETFD), FD_CLOEXEC);
  assert_int_equal(read(p[1], &c, 1), 1); /* the byte behind is left to whoever reads next */
  assert_int_equal(c, 'Y');
  close(got.plain);
  close(p[0]);
  assert_int_equal(ucspi_take(p[1], &got), 0);
  close(p[1]);
}

/* Whatever else comes, no descriptor of it is kept. */
static void passing_nonsense(void **state)
{
  (void)state;
  for (int n = 0; n <= 5; n++) for (int hello = 0; hello < 2; hello++) {
    if (n == 3 && hello) continue;
    int p[2], list[5] = { 0, 0, 0, 0, 0 }, lowest = dup(0);
    close(lowest);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
    union { struct cmsghdr align; char room[CMSG_SPACE(sizeof list)]; } c = { .room = "" };
    struct iovec v = { hello ? "T" : "x", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    if (n) {
      size_t len = (size_t)n * sizeof(int);
      m.msg_control = c.room;
      m.msg_controllen = CMSG_SPACE(len);
      struct cmsghdr *h = CMSG_FIRSTHDR(&m);
      *h = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(len) };
      memcpy(CMSG_DATA(h), list, len);
    }
    struct ucspi_fds got;
    assert_int_equal(sendmsg(p[0], &m, 0), 1);
    assert_int_equal(ucspi_take(p[1], &got), -1);
    assert_int_equal(errno, EPROTO);
    close(p[0]);
    close(p[1]);
    assert_int_equal(dup(0), lowest);
    close(lowest);
  }
}

static void connecting(void **state)
{
  (void)state;
  char long_path[300];
  memset(long_path, 'x', sizeof long_path - 1);
  long_path[sizeof long_path - 1] = 0;
  assert_int_equal(ucspi_connect(long_path), -1);
  assert_int_equal(errno, ENAMETOOLONG);
  assert_int_equal(ucspi_connect("/nowhere/at/all"), -1);
  assert_int_equal(errno, ENOENT);
  char dir[] = "/tmp/posthouse-ucspi-XXXXXX";
  assert_non_null(mkdtemp(dir));
  struct sockaddr_un sa = { .sun_family = AF_UNIX };
  snprintf(sa.sun_path, sizeof sa.sun_path, "%s/s", dir);
  int l = socket(AF_UNIX, SOCK_STREAM, 0), fd[2];
  assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof sa), 0);
  assert_int_equal(ucspi_connect(sa.sun_path), -1);
  assert_int_equal(errno, ECONNREFUSED);
  assert_int_equal(listen(l, 0), 0);
  fd[0] = ucspi_connect(sa.sun_path);
  assert_true(fd[0] >= 0);
  assert_int_equal(fcntl(fd[0], F_GETFL) & O_NONBLOCK, 0);
  /* nobody takes it: the next is not kept waiting */
  fd[1] = ucspi_connect(sa.sun_path);
  if (fd[1] >= 0) fd[1] = (close(fd[1]), ucspi_connect(sa.sun_path));
  assert_int_equal(fd[1], -1);
  assert_int_equal(errno, EAGAIN);
  close(fd[0]);
  close(l);
  unlink(sa.sun_path);
  rmdir(dir);
}

/* The process that waits runs the program with its descriptors in their places, or ends. */
static void waiting(void **state)
{
  (void)state;
  char const *const argv[] = {
    "/bin/sh", "-c", "read x; echo $x >&4; ls /proc/self/fd | wc -l >&1; head -c 1 <&3 >&4", 0
  };
  for (int byte = 0; byte < 3; byte++) {
    int control[2], plain[2], in[2], out[2];
    char buf[64] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, control) | socketpair(AF_UNIX, SOCK_STREAM, 0, plain), 0);
    assert_int_equal(pipe(in) | pipe(out), 0);
    struct ucspi_fds fds = { .in = in[0], .out = out[1], .plain = plain[1] };
    assert_int_equal(wait_start(control[1], &fds, argv), 0);
    close(control[1]);
    close(plain[1]);
    close(out[1]);
    assert_int_equal(waitpid(-1, 0, 0), -1); /* no child of ours */
    assert_int_equal(errno, ECHILD);
    assert_int_equal(write(in[1], "hi\n", 3), 3);
    if (byte) assert_int_equal(write(control[0], byte == 1 ? "Y" : "x", 1), 1);
    else close(control[0]);
    size_t n = 0;
    for (ssize_t r; (r = read(plain[0], buf + n, sizeof buf - 1 - n)) > 0; ) n += (size_t)r;
    assert_string_equal(buf, byte == 1 ? "hi\nY" : "");
    memset(buf, 0, sizeof buf);
    assert_int_equal(read(out[0], buf, sizeof buf - 1) > 0, byte == 1);
    if (byte == 1) assert_true(atoi(buf) == 6 || atoi(buf) == 5); /* 0 to 4 and ls' own */
    close(plain[0]);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    if (byte) close(control[0]);
  }
}

static void has_certificate(void **state)
{
  (void)state;
  char dir[] = "/tmp/posthouse-ucspi-XXXXXX", path[128];
  assert_non_null(mkdtemp(dir));
  assert_int_equal(wait_has_certificate("/nowhere"), 0);
  assert_int_equal(wait_has_certificate(dir), 0);
  static char const *const steps[] = { "/a", "/a/cert.pem", "/a/key.pem" };
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s%s", dir, steps[i]);
    if (i) close(open(path, O_WRONLY | O_CREAT, 0600));
    else assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(wait_has_certificate(dir), i == 2);
  }
  for (int i = 2; i >= 0; i--) {
    snprintf(path, sizeof path, "%s%s", dir, steps[i]);
    remove(path);
  }
  rmdir(dir);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(vars), cmocka_unit_test(vars_too_long), cmocka_unit_test(vars_from_a_socket),
    cmocka_unit_test(clearing), cmocka_unit_test(passing), cmocka_unit_test(passing_nonsense),
    cmocka_unit_test(connecting), cmocka_unit_test(waiting), cmocka_unit_test(has_certificate),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
