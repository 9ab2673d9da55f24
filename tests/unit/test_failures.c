/* Failed logins by address: how many, for how long, and what counts as one address. */
#include <stdlib.h>
#include <unistd.h>
#include "unit.h"
#include "checker/failures.h"

static char dir[] = "/tmp/posthouse-failures-XXXXXX", path[64];
static struct failures f = { .max = 3, .forget = 30 };
static int64_t const now = 1700000000000;

static int setup(void **state)
{
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/file", dir);
  return failures_open(&f, path) ? -1 : 0;
}

static int teardown(void **state)
{
  failures_close(&f);
  unlink(path);
  return rmdir(dir);
}

static uint32_t from(char const *text, int64_t at)
{
  struct ip ip = { { 0 }, 0 };
  if (*text) assert_true(ip_scan(&ip, text, strlen(text)));
  return failures_begin(&f, &ip, at);
}

static void fills_and_leaks(void **state)
{
  assert_int_equal(from("192.0.2.1", now), 1);
  assert_int_equal(from("192.0.2.1", now), 2);
  assert_int_equal(from("192.0.2.1", now), 3);
  for (int i = 0; i < 5; i++) assert_int_equal(from("192.0.2.1", now), 0); /* what is not checked adds nothing */
  assert_int_equal(from("192.0.2.1", now + 9999), 0);
  assert_int_equal(from("192.0.2.1", now + 10000), 3); /* one of three is forgotten in ten seconds */
  assert_int_equal(from("192.0.2.1", now + 10001), 0);
  assert_int_equal(from("192.0.2.1", now + 30000), 2);
  assert_int_equal(from("192.0.2.1", now + 100000), 1);
  assert_int_equal(from("192.0.2.1", now + ((int64_t)1 << 40)), 1);
}

static void addresses(void **state)
{
  assert_int_equal(from("198.51.100.1", now), 1);
  assert_int_equal(from("198.51.100.2", now), 1);
  assert_int_equal(from("2001:db8:1:2::1", now), 1);
  assert_int_equal(from("2001:db8:1:2:ffff::2", now), 2);
  assert_int_equal(from("2001:db8:1:3::1", now), 1);
  assert_int_equal(from("", now), 1);
  assert_int_equal(from("", now), 2);
  assert_int_equal(from("0.0.0.0", now), 1);
}

static void taken_back(void **state)
{
  struct ip ip;
  assert_true(ip_scan(&ip, "203.0.113.1", 11));
  failures_take_back(&f, &ip, now);
  for (int i = 0; i < 10; i++) {
    assert_int_equal(failures_begin(&f, &ip, now), 1);
    failures_take_back(&f, &ip, now);
  }
  assert_int_equal(failures_begin(&f, &ip, now), 1);
  assert_int_equal(failures_begin(&f, &ip, now), 2);
  failures_take_back(&f, &ip, now);
  assert_int_equal(failures_begin(&f, &ip, now), 2);
}

/* A clock that was set back, and one that is no time at all. */
static void clocks(void **state)
{
  assert_int_equal(from("203.0.113.2", now), 1);
  assert_int_equal(from("203.0.113.2", now - 1000000), 2);
  assert_int_equal(from("203.0.113.2", -1), 3);
  assert_int_equal(from("203.0.113.2", -1), 0);
}

static void without_a_file(void **state)
{
  struct failures none = { .slots.fd = -1, .max = 1, .forget = 1 };
  struct ip ip = { { 0 }, 0 };
  for (int i = 0; i < 3; i++) assert_int_equal(failures_begin(&none, &ip, now), 1);
  failures_take_back(&none, &ip, now);
  assert_non_null(failures_open(&none, "/dev/null"));
  assert_int_equal(failures_begin(&none, &ip, now), 1);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(fills_and_leaks), cmocka_unit_test(addresses), cmocka_unit_test(taken_back),
      cmocka_unit_test(clocks),
    cmocka_unit_test(without_a_file),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
