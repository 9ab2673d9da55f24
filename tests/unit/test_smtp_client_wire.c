/* From stored lines to the wire: the exact bytes, in whatever pieces the message comes; and reading it from files
 * and pipes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "unit.h"
#include "smtp/client_body.h"
#include "smtp/client_wire.h"

static struct { char const *in; size_t n; char const *out; size_t len; char const *dotted; size_t dotted_len;
  } const cases[] = {
  /* out null: an error */
#define C(s) s, sizeof s - 1
#define SAME(i, o) { C(i), C(o), C(o) }
#define BAD(i) { C(i), 0, 0, 0, 0 }
  SAME("", ""), SAME("\n", "\r\n"), SAME("a", "a\r\n"), SAME("a\n", "a\r\n"), SAME("a\n\nb\n", "a\r\n\r\nb\r\n"),
  SAME("\n\n", "\r\n\r\n"), SAME("a\nb", "a\r\nb\r\n"), SAME("a\r\n", "a\r\n"), SAME("\r\n", "\r\n"),
  SAME("a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n"), SAME("\200\377\t\033\n", "\200\377\t\033\r\n"), SAME("a.\n", "a.\r\n"),
  { C("."), C(".\r\n"), C("..\r\n") }, { C(".\n"), C(".\r\n"), C("..\r\n") }, { C("..\n"), C("..\r\n"), C("...\r\n") },
  { C("a\n.\nb\n"), C("a\r\n.\r\nb\r\n"), C("a\r\n..\r\nb\r\n") }, { C(".\r\n.\r\n"), C(".\r\n.\r\n"),
    C("..\r\n..\r\n") },
  { C("\n.a"), C("\r\n.a\r\n"), C("\r\n..a\r\n") }, { C("a\r\n.\n"), C("a\r\n.\r\n"), C("a\r\n..\r\n") },
  BAD("\r"), BAD("a\r"), BAD("\ra"), BAD("a\rb\n"), BAD("a\r\r\n"), BAD("\r\r"), BAD("a\n\r"), BAD("a\r\n\rb\n"),
    BAD("\0"),
  BAD("a\0b\n"), BAD("a\n\0"), BAD("\r\0\n"), BAD("a\n.\r.\n"), BAD("x\r.\r\n"), BAD("\n\r\0\n"),
#undef SAME
#undef BAD
#undef C
};

static int convert(char const *in, size_t n, size_t step, int dots, char *out, size_t *total)
{
  struct client_wire w = CLIENT_WIRE_START(dots ? 1 : 0);
  size_t len;
  *total = 0;
  for (size_t at = 0; at < n; at += step) {
    size_t piece = n - at < step ? n - at : step;
    if (client_wire_convert(&w, in + at, piece, out + *total, &len) < 0) return -1;
    assert_true(len <= CLIENT_WIRE_ROOM(piece));
    *total += len;
  }
  if (client_wire_end(&w, out + *total, &len) < 0) return -1;
  *total += len;
  return 0;
}

static void conversion(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t step = 1; step < 8; step++) {
      for (int dots = 0; dots < 2; dots++) {
        char out[100];
        size_t len;
        char const *want = dots ? cases[i].dotted : cases[i].out;
        int r = convert(cases[i].in, cases[i].n, step, dots, out, &len);
        CHECK(r == (want ? 0 : -1), "case %zu", i);
        if (!want) continue;
        CHECK(len == (dots ? cases[i].dotted_len : cases[i].len) && !memcmp(out, want, len), "case %zu", i);
      }
    }
  }
}

/* What is announced beforehand is what will be sent. */
static void measuring(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t step = 1; step < 8; step++) {
      struct client_measure m = { .bytes = 0 };
      for (size_t at = 0; at < cases[i].n; at += step) {
        client_wire_measure(&m, cases[i].in + at, cases[i].n - at < step ? cases[i].n - at : step);
      }
      client_wire_measure_end(&m);
      CHECK(m.bad == !cases[i].out, "case %zu step %zu", i, step);
      if (cases[i].out) CHECK(m.bytes == cases[i].len, "case %zu step %zu: %llu", i, step, m.bytes);
    }
  }
}

static void eight_bit(void **state)
{
  char s[40];
  for (size_t at = 0; at <= sizeof s; at++) {
    struct client_measure m = { .bytes = 0 };
    memset(s, 127, sizeof s);
    if (at < sizeof s) s[at] = (char)128;
    client_wire_measure(&m, s, sizeof s);
    CHECK(m.eight == (at < sizeof s), "at %zu", at);
  }
}

/* All texts of up to 7 bytes of an alphabet of the bytes that matter: no CR without LF, no LF without CR, no lone
 * dot, and undoing it gives the text back. */
static void nothing_bare_ever(void **state)
{
  static char const letters[] = "a.\n\r";
  for (size_t n = 0; n <= 7; n++) {
    for (size_t k = 0; k < (size_t)1 << (2 * n); k++) {
      char in[8], out[20];
      size_t len;
      for (size_t i = 0; i < n; i++) in[i] = letters[k >> (2 * i) & 3];
      if (convert(in, n, 3, 1, out, &len) < 0) continue;
      CHECK(!len || (len >= 2 && out[len - 1] == '\n'), "unfinished");
      for (size_t i = 0; i < len; i++) {
        if (out[i] == '\n') CHECK(i && out[i - 1] == '\r', "bare LF");
        if (out[i] == '\r') CHECK(i + 1 < len && out[i + 1] == '\n', "bare CR");
        int start = !i || out[i - 1] == '\n';
        if (start && out[i] == '.') CHECK(i + 1 < len && out[i + 1] == '.', "a dot that is not doubled");
      }
    }
  }
}

static int file_of(char const *data, size_t n)
{
  FILE *f = tmpfile();
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, n, f), n);
  fflush(f);
  int fd = dup(fileno(f));
  fclose(f);
  return fd;
}

static struct client_body body;

static size_t drain(char *out, size_t max)
{
  char const *s;
  size_t total = 0;
  ssize_t n;
  while ((n = client_body_next(&body, &s)) > 0) {
    assert_true(total + (size_t)n <= max);
    memcpy(out + total, s, (size_t)n);
    total += (size_t)n;
  }
  assert_int_equal(n, 0);
  return total;
}

#define BIG (3 * CLIENT_BLOCK + 17)
static char big[BIG], back[BIG + 1];

static void files(void **state)
{
  static size_t const sizes[] = { 0, 1, CLIENT_BLOCK - 1, CLIENT_BLOCK, CLIENT_BLOCK + 1, 2 * CLIENT_BLOCK, BIG };
  for (size_t i = 0; i < BIG; i++) big[i] = i % 71 == 70 ? '\n' : (char)('a' + i % 26);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t n = sizes[i];
    int fd = file_of(big, n);
    assert_int_equal(client_body_open(&body, fd, (int64_t)n), 0);
    assert_true(body.measured);
    assert_int_equal(body.whole, n <= CLIENT_BLOCK);
    for (int again = 0; again < 3; again++) {
      assert_int_equal(drain(back, BIG + 1), n);
      assert_memory_equal(back, big, n);
      assert_int_equal(client_body_rewind(&body), 0);
    }
    size_t lines = n / 71, tail = n % 71;
    assert_int_equal(body.measure.bytes, n + lines + (tail ? 2 : 0));
    close(fd);
  }
}

/* The job says how much of the file is the message; what follows is the envelope and must not leak. */
static void part_of_file(void **state)
{
  int fd = file_of("message\nFsender", 15);
  lseek(fd, 3, SEEK_SET);
  assert_int_equal(client_body_open(&body, fd, 8), 0);
  assert_int_equal(drain(back, 100), 8);
  assert_memory_equal(back, "message\n", 8);
  assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
  /* without a length: from the position to the end */
  assert_int_equal(client_body_open(&body, fd, -1), 0);
  assert_int_equal(drain(back, 100), 12);
  assert_memory_equal(back, "sage\nFsender", 12);
  /* a file that is too short is never sent as if it were whole */
  errno = 0;
  assert_int_equal(client_body_open(&body, fd, 16), -1);
  assert_int_equal(errno, EPROTO);
  close(fd);
}

static void pipes(void **state)
{
  int p[2];
  assert_int_equal(pipe(p), 0);
  assert_int_equal(write(p[1], "a\nb", 3), 3);
  close(p[1]);
  assert_int_equal(client_body_open(&body, p[0], -1), 0);
  assert_true(body.whole && body.measured);
  assert_int_equal(body.measure.bytes, 6);
  assert_int_equal(drain(back, 100), 3);
  assert_int_equal(client_body_rewind(&body), 0);
  assert_int_equal(drain(back, 100), 3);
  assert_int_equal(client_body_open(&body, p[0], 3), -1);
  close(p[0]);
}

/* A large message through a pipe can be given once; as long as only its start was given, it can start again. */
static void large_pipe(void **state)
{
  int p[2];
  assert_int_equal(pipe(p), 0);
  pid_t child = fork();
  if (!child) {
    close(p[0]);
    for (size_t at = 0; at < BIG;) {
      ssize_t w = write(p[1], big + at, BIG - at);
      if (w <= 0) _exit(1);
      at += (size_t)w;
    }
    _exit(0);
  }
  close(p[1]);
  char const *s;
  assert_int_equal(client_body_open(&body, p[0], -1), 0);
  assert_false(body.whole || body.measured);
  assert_int_equal(client_body_next(&body, &s), CLIENT_BLOCK);
  assert_int_equal(client_body_rewind(&body), 0);
  assert_int_equal(drain(back, BIG + 1), BIG);
  assert_memory_equal(back, big, BIG);
  assert_int_equal(client_body_rewind(&body), -1);
  close(p[0]);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(conversion), cmocka_unit_test(measuring), cmocka_unit_test(eight_bit),
      cmocka_unit_test(nothing_bare_ever),
    cmocka_unit_test(files), cmocka_unit_test(part_of_file), cmocka_unit_test(pipes), cmocka_unit_test(large_pipe),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
