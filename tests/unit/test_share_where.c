/* Where the server is; prefixes; the files that hold secrets. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit.h"
#include "share/secret.h"
#include "share/where.h"

static struct { char const *arg, *name, *ip; unsigned port; } const good[] = {
  { "redis.example", "redis.example", 0, 6379 }, { "redis:1", "redis", 0, 1 }, { "redis_1:65535", "redis_1", 0, 65535 },
  { "192.0.2.1", "192.0.2.1", "192.0.2.1", 6379 }, { "192.0.2.1:7000", "192.0.2.1", "192.0.2.1", 7000 },
  { "2001:db8::1", "2001:db8::1", "2001:db8::1", 6379 }, { "[2001:db8::1]", "2001:db8::1", "2001:db8::1", 6379 },
  { "[2001:db8::1]:7000", "2001:db8::1", "2001:db8::1", 7000 }, { "::1", "::1", "::1", 6379 },
};

static char const *const bad[] = {
  "", ":", ":1", "a:", "a:0", "a:65536", "a:b", "a:-1", "-a", "a b", "a/b", "[", "[]", "[a]", "[a]:1", "[::1",
  "[::1]x", "[::1]:", "[::1]:0", "2001:db8::x", "a:1:2", "a\n", "\xc3\xbc",
};

static void where(void **state)
{
  struct where w;
  char text[IP_TEXT], longer[400];
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    CHECK(!where_scan(&w, good[i].arg), "%s", good[i].arg);
    assert_string_equal(w.name, good[i].name);
    assert_int_equal(w.port, good[i].port);
    assert_null(w.path);
    if (!good[i].ip) assert_int_equal(w.ip.len, 0);
    else assert_true(ip_fmt(text, &w.ip) && !strcmp(text, good[i].ip));
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(where_scan(&w, bad[i]), "%s", bad[i]);
  memset(longer, 'a', sizeof longer);
  longer[253] = 0;
  assert_null(where_scan(&w, longer));
  longer[253] = 'a';
  longer[254] = 0;
  assert_non_null(where_scan(&w, longer));
  longer[0] = '/';
  longer[107] = 0;
  assert_null(where_scan(&w, longer));
  assert_ptr_equal(w.path, longer);
  longer[107] = 'a';
  longer[108] = 0;
  assert_non_null(where_scan(&w, longer));
}

static void prefix(void **state)
{
  static char const *const no[] = { "", "a*", "a?", "a[b]", "a\\", "a b", "a\n", "\xc3\xbc",
    "12345678901234567890123456789012345678901234567890123456789012345" };
  assert_true(where_is_prefix("posthouse:stamp:"));
  assert_true(where_is_prefix("1234567890123456789012345678901234567890123456789012345678901234"));
  assert_true(where_is_prefix("a_B.c-1:"));
  for (size_t i = 0; i < sizeof no / sizeof *no; i++) CHECK(!where_is_prefix(no[i]), "%s", no[i]);
}

static char path[] = "/tmp/posthouse-secret-XXXXXX";

static void put(char const *s, size_t n, mode_t mode)
{
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_int_equal(fwrite(s, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
  assert_int_equal(chmod(path, mode), 0);
}

static void secrets(void **state)
{
  static struct secret s, before;
  static char large[SECRET_MOST + 2];
  int code, fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  put("abc\n", 4, 0600);
  assert_null(secret_read(&s, path, 3, &code));
  assert_int_equal(s.len, 3);
  assert_string_equal(s.s, "abc");
  put("a\0b\n\n", 5, 0640);
  assert_null(secret_read(&s, path, 4, &code));
  assert_int_equal(s.len, 4);
  assert_memory_equal(s.s, "a\0b\n", 5);
  before = s;
  assert_string_equal(secret_read(&s, path, 5, &code), "it is too short");
  assert_int_equal(code, 100);
  put("\n", 1, 0600);
  assert_string_equal(secret_read(&s, path, 1, &code), "it is empty");
  static mode_t const open_to_others[] = { 0604, 0602, 0601, 0620, 0644, 0660 };
  for (size_t i = 0; i < sizeof open_to_others / sizeof *open_to_others; i++) {
    put("abcd\n", 5, open_to_others[i]);
    assert_non_null(secret_read(&s, path, 1, &code));
    assert_int_equal(code, 100);
  }
  memset(large, 'x', sizeof large);
  put(large, SECRET_MOST + 1, 0600);
  assert_string_equal(secret_read(&s, path, 1, &code), "it is too large");
  assert_memory_equal(&s, &before, sizeof s);
  put(large, SECRET_MOST, 0600);
  assert_null(secret_read(&s, path, 1, &code));
  assert_int_equal(s.len, SECRET_MOST);
  unlink(path);
  assert_non_null(secret_read(&s, path, 1, &code));
  assert_int_equal(code, 111);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_string_equal(secret_read(&s, path, 1, &code), "it is not a regular file");
  assert_int_equal(code, 100);
  unlink(path);
}

static struct { char const *text, *user, *word; } const passwords[] = {
  { "secret", 0, "secret" }, { " s p ", 0, " s p " }, { "joe\nsecret", "joe", "secret" },
  { "", 0, 0 }, { "joe\n", 0, 0 }, { "\nsecret", 0, 0 }, { "a\nb\nc", 0, 0 },
};

static void password(void **state)
{
  for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++) {
    static struct secret s;
    struct password p;
    strcpy(s.s, passwords[i].text);
    s.len = strlen(s.s);
    int ok = secret_password(&p, &s);
    CHECK(ok == !!passwords[i].word, "%s", passwords[i].text);
    if (!ok) continue;
    assert_int_equal(p.word_len, strlen(passwords[i].word));
    assert_memory_equal(p.word, passwords[i].word, p.word_len);
    assert_int_equal(!!p.user, !!passwords[i].user);
    if (p.user) assert_int_equal(p.user_len, strlen(passwords[i].user));
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(where), cmocka_unit_test(prefix), cmocka_unit_test(secrets), cmocka_unit_test(password),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
