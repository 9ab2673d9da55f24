/* rules.cdb: what was put in comes out; hostile files are refused or harmless. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <skalibs/cdbmake.h>
#include <skalibs/uint32.h>
#include "unit.h"
#include "../guard.h"
#include "table/table.h"

static int scratch(void)
{
  char path[] = "/tmp/test_table.XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  unlink(path);
  return fd;
}

static struct row {
  enum table which;
  char const *key;
  size_t keylen;
  uint32_t line;
  char const *data;
  size_t len;
} const rows[] = {
#define ROW(which, key, line, data) { which, key, sizeof key - 1, line, data, sizeof data - 1 }
  ROW(TABLE_ME, "", 1, "mail.example"), ROW(TABLE_DOMAINS, "example.com", 2, "any"), ROW(TABLE_DOMAINS,
    ".example.com", 3, "any"),
  ROW(TABLE_CLIENTS, "", 4294967295U, "D\0"), ROW(TABLE_CLIENTS, "127.", 7, "+RELAYCLIENT=\0+X=y\0"), ROW(TABLE_RELAY,
    "grant login", 1, ""),
  ROW(TABLE_ROUTES, "", 5, "relay\0" "25\0"), ROW(TABLE_ROUTES, "k\0y", 6, "\0\n\r"), ROW(TABLE_LIMITS, "size", 9,
    "1000"),
#undef ROW
};
#define ROWS (sizeof rows / sizeof *rows)

static int example(void)
{
  int fd = scratch();
  struct table_builder *b = table_build(fd);
  assert_non_null(b);
  for (size_t i = 0; i < ROWS; i++)
    assert_int_equal(table_add(b, rows[i].which, rows[i].key, rows[i].keylen, rows[i].line, rows[i].data,
      rows[i].len), 0);
  assert_int_equal(table_finish(b), 0);
  return fd;
}

static void same(struct row const *row, struct record const *r)
{
  assert_int_equal(r->line, row->line);
  assert_int_equal(r->len, row->len);
  assert_memory_equal(r->data, row->data, row->len);
}

static void round_trip(void **state)
{
  int fd = example();
  struct table_set *t = table_open_fd(fd);
  assert_non_null(t);
  close(fd);
  struct record r;
  for (size_t i = 0; i < ROWS; i++) {
    assert_int_equal(table_find(t, rows[i].which, rows[i].key, rows[i].keylen, &r), 1);
    same(&rows[i], &r);
  }
  assert_int_equal(table_find(t, TABLE_DOMAINS, "example.com", 11, &r), 1);
  assert_string_equal(r.file, "domains");
  assert_int_equal(table_find(t, TABLE_CLIENTS, "127.", 4, &r), 1);
  assert_string_equal(r.file, "clients");
  /* neither another table's key nor a part of one */
  assert_int_equal(table_find(t, TABLE_DOMAINS, "", 0, &r), 0);
  assert_int_equal(table_find(t, TABLE_ROUTES, "example.com", 11, &r), 0);
  assert_int_equal(table_find(t, TABLE_DOMAINS, "example.co", 10, &r), 0);
  assert_int_equal(table_find(t, TABLE_DOMAINS, "example.com", 12, &r), 0);
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t keylen;
  for (size_t i = 0; i < ROWS; i++) {
    assert_int_equal(table_next(t, &pos, &which, &key, &keylen, &r), 1);
    assert_int_equal(which, rows[i].which);
    assert_int_equal(keylen, rows[i].keylen);
    assert_memory_equal(key, rows[i].key, keylen);
    same(&rows[i], &r);
  }
  assert_int_equal(table_next(t, &pos, &which, &key, &keylen, &r), 0);
  assert_int_equal(table_next(t, &pos, &which, &key, &keylen, &r), 0);
  table_close(t);
}

static void duplicates(void **state)
{
  int fd = scratch();
  struct table_builder *b = table_build(fd);
  assert_int_equal(table_add(b, TABLE_RELAY, "x", 1, 1, "first", 5), 0);
  assert_int_equal(table_add(b, TABLE_RELAY, "x", 1, 2, "second", 6), 0);
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fd);
  struct record r;
  assert_int_equal(table_find(t, TABLE_RELAY, "x", 1, &r), 1);
  assert_int_equal(r.line, 1);
  table_close(t);
  close(fd);
}

static void key_limit(void **state)
{
  static char key[TABLE_KEY + 1];
  memset(key, 'k', sizeof key);
  int fd = scratch();
  struct table_builder *b = table_build(fd);
  assert_int_equal(table_add(b, TABLE_RELAY, key, TABLE_KEY, 1, "x", 1), 0);
  errno = 0;
  assert_int_equal(table_add(b, TABLE_RELAY, key, TABLE_KEY + 1, 1, "x", 1), -1);
  assert_int_equal(errno, ENAMETOOLONG);
  assert_int_equal(table_add(b, TABLE_RELAY, "y", 1, 3, "z", 1), 0); /* nothing is spoilt */
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fd);
  struct record r;
  assert_int_equal(table_find(t, TABLE_RELAY, key, TABLE_KEY, &r), 1);
  assert_int_equal(table_find(t, TABLE_RELAY, key, TABLE_KEY + 1, &r), 0);
  assert_int_equal(table_find(t, TABLE_RELAY, "y", 1, &r), 1);
  table_close(t);
  close(fd);
}

/* More records than a stack of 8 MiB could sort. */
static void many(void **state)
{
  enum { N = 1100000 };
  int fd = scratch();
  struct table_builder *b = table_build(fd);
  char key[32];
  struct record r;
  for (uint32_t i = 0; i < N; i++)
    assert_int_equal(table_add(b, TABLE_DOMAINS, key, (size_t)snprintf(key, sizeof key, "d%u.x", i), i + 1, "any", 3),
      0);
  assert_int_equal(table_finish(b), 0);
  struct table_set *t = table_open_fd(fd);
  assert_non_null(t);
  for (uint32_t i = 0; i <= N; i += i == N - 1 ? 1 : 997 < N - 1 - i ? 997 : N - 1 - i) {
    int found = table_find(t, TABLE_DOMAINS, key, (size_t)snprintf(key, sizeof key, "d%u.x", i), &r);
    assert_int_equal(found, i < N);
    if (found) assert_int_equal(r.line, i + 1);
  }
  table_close(t);
  close(fd);
}

static void build_errors(void **state)
{
  int fd = open("/dev/full", O_WRONLY);
  if (fd >= 0) {
    struct table_builder *b = table_build(fd);
    if (b) {
      errno = 0;
      assert_int_equal(table_finish(b), -1);
      assert_int_equal(errno, ENOSPC);
    }
    b = table_build(fd); /* and when a record fills the buffer first */
    static char big[65536];
    int r = 0;
    for (int i = 0; i < 4 && !r; i++) r = table_add(b, TABLE_RELAY, "x", 1, 1, big, sizeof big);
    assert_int_equal(r, -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(table_add(b, TABLE_RELAY, "x", 1, 1, "", 0), -1);
    errno = 0;
    assert_int_equal(table_finish(b), -1);
    assert_int_equal(errno, ENOSPC);
    close(fd);
  }
  assert_null(table_build(-1));
  int p[2];
  assert_int_equal(pipe(p), 0);
  assert_null(table_build(p[1])); /* not seekable */
  close(p[0]);
  close(p[1]);
  fd = scratch();
  table_abandon(table_build(fd));
  assert_null(table_open_fd(fd));
  close(fd);
}

static void no_table(void **state)
{
  assert_null(table_open("/nonexistent/rules.cdb"));
  assert_int_equal(errno, ENOENT);
  assert_null(table_open("/"));
  assert_null(table_open("/dev/null"));
  assert_int_equal(errno, EPROTO);
  assert_null(table_open_fd(-1));
  assert_int_equal(errno, EBADF);
  char zeros[2048] = { 0 };
  int fd = scratch();
  assert_null(table_open_fd(fd));
  assert_int_equal(errno, EPROTO);
  assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
  assert_null(table_open_fd(fd));
  assert_int_equal(errno, EPROTO);
  close(fd);
  /* a sound cdb of somebody else */
  static char const *const formats[] = { 0, "posthouse rules 0", "posthouse rules 11", "posthouse rule", "" };
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    cdbmaker c = CDBMAKER_ZERO;
    fd = scratch();
    assert_true(cdbmake_start(&c, fd));
    assert_true(cdbmake_add(&c, "key", 3, "data", 4));
    if (formats[i]) assert_true(cdbmake_add(&c, "", 0, formats[i], (unsigned int)strlen(formats[i])));
    assert_true(cdbmake_finish(&c));
    assert_null(table_open_fd(fd));
    assert_int_equal(errno, EPROTO);
    close(fd);
  }
}

/* A value too short for its line number, a letter of no table. */
static void odd_records(void **state)
{
  for (int odd = 0; odd < 3; odd++) {
    cdbmaker c = CDBMAKER_ZERO;
    int fd = scratch();
    assert_true(cdbmake_start(&c, fd));
    assert_true(cdbmake_add(&c, "", 0, TABLE_FORMAT, sizeof TABLE_FORMAT - 1));
    assert_true(cdbmake_add(&c, odd == 1 ? "!x" : "dx", 2, "\1\0\0\0", odd ? 4 : 3));
    assert_true(cdbmake_finish(&c));
    struct table_set *t = table_open_fd(fd);
    assert_non_null(t);
    struct record r;
    uint32_t pos = 0;
    enum table which;
    char const *key;
    size_t keylen;
    assert_int_equal(table_find(t, odd == 1 ? (enum table)'!' : TABLE_DOMAINS, "x", 1, &r), odd == 2 ? 1 : -1);
    assert_int_equal(table_next(t, &pos, &which, &key, &keylen, &r), odd == 2 ? 1 : -1);
    table_close(t);
    close(fd);
  }
}

/* Opens an image and asks everything. Returns 1 if it could be opened. Whatever it holds: what is found lies within
 * it (reading it proves that), and a walk ends. */
static int probe(char const *image, size_t n)
{
  static int fd = -1;
  static volatile unsigned char sink;
  if (fd < 0) fd = scratch();
  assert_int_equal(ftruncate(fd, 0), 0);
  assert_int_equal(pwrite(fd, image, n, 0), n);
  struct table_set *t = table_open_fd(fd);
  if (!t) return 0;
  struct record r;
  for (size_t i = 0; i < ROWS; i++) {
    int found = table_find(t, rows[i].which, rows[i].key, rows[i].keylen, &r);
    assert_true(found >= -1 && found <= 1);
    if (found == 1) for (uint32_t k = 0; k < r.len; k++) sink = (unsigned char)r.data[k];
  }
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t keylen, steps = 0;
  while (table_next(t, &pos, &which, &key, &keylen, &r) == 1) {
    assert_true(++steps <= n / 8);
    for (size_t k = 0; k < keylen; k++) sink = (unsigned char)key[k];
    for (uint32_t k = 0; k < r.len; k++) sink = (unsigned char)r.data[k];
  }
  (void)sink;
  table_close(t);
  return 1;
}

static size_t load(char *image, size_t room)
{
  int fd = example();
  ssize_t n = pread(fd, image, room, 0);
  assert_true(n > 2048 && (size_t)n < room);
  close(fd);
  return (size_t)n;
}

static void truncated(void **state)
{
  char image[8192];
  size_t n = load(image, sizeof image);
  assert_true(probe(image, n));
  for (size_t cut = 0; cut < n; cut++) assert_false(probe(image, cut));
  image[n] = 0;
  assert_false(probe(image, n + 1));
}

static void flipped(void **state)
{
  char image[8192];
  size_t n = load(image, sizeof image), opened = 0;
  for (size_t at = 0; at < n; at++)
    for (int bit = 0; bit < 9; bit++) {
      char was = image[at];
      image[at] = bit < 8 ? (char)(was ^ 1 << bit) : (char)0xff;
      opened += (size_t)probe(image, n);
      image[at] = was;
    }
  assert_true(opened > n); /* many of them are in data that opening does not look at */
  /* no bit of the header's used words may be wrong */
  for (size_t at = 0; at < 2048; at++) {
    image[at] ^= 0x20;
    assert_false(probe(image, n));
    image[at] ^= 0x20;
  }
}

/* Each word of the file replaced by values that are likely to lead astray. */
static void words(void **state)
{
  char image[8192];
  size_t n = load(image, sizeof image);
  uint32_t const values[] = { 0, 1, 8, 2047, 2048, (uint32_t)n - 8, (uint32_t)n - 4, (uint32_t)n - 1, (uint32_t)n,
    (uint32_t)n + 1,
    0x7fffffff, 0x80000000, 0x1fffffff, 0xfffffff0, 0xfffffff8, 0xffffffff };
  for (size_t at = 2048; at + 4 <= n; at++)
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
      char was[4];
      memcpy(was, image + at, 4);
      uint32_pack(image + at, values[v]);
      probe(image, n);
      memcpy(image + at, was, 4);
    }
  srand(3);
  for (int i = 0; i < 20000; i++) { /* and several at once */
    char copy[8192];
    memcpy(copy, image, n);
    for (int k = rand() % 6; k >= 0; k--)
      uint32_pack(copy + 2048 + (size_t)rand() % (n - 2052), values[(size_t)rand() % (sizeof values / sizeof *values)]);
    probe(copy, n);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(round_trip), cmocka_unit_test(duplicates), cmocka_unit_test(key_limit), cmocka_unit_test(many),
    cmocka_unit_test(build_errors), cmocka_unit_test(no_table), cmocka_unit_test(odd_records),
      cmocka_unit_test(truncated),
    cmocka_unit_test(flipped), cmocka_unit_test(words),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
