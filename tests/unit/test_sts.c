/* MTA-STS: TXT records, policies, and how they are kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "unit.h"
#include "base/io.h"
#include "sts/cache.h"

/* The id; "-": none of ours; "!": malformed. */
static char const *txt(char const *s)
{
  static char id[STS_ID];
  size_t n = strlen(s);
  char *copy = malloc(n ? n : 1);
  memcpy(copy, s, n);
  int r = sts_txt_scan(id, copy, n);
  free(copy);
  return r > 0 ? id : r ? "!" : "-";
}

static void records(void **state)
{
  (void)state;
  static struct { char const *s, *id; } const rows[] = {
    { "v=STSv1; id=20160831085700Z;", "20160831085700Z" }, { "v=STSv1;id=1", "1" }, { "v=STSv1 ;\tid=a ; ", "a" },
    { "v=STSv1; id=abcdefghijklmnopqrstuvwxyz012345;", "abcdefghijklmnopqrstuvwxyz012345" },
    { "v=STSv1; id=abcdefghijklmnopqrstuvwxyz0123456;", "!" }, { "v=STSv1; x.y-z_1=va:lue; id=1; b=2", "1" },
    { "v=STSv1;", "!" }, { "v=STSv1", "-" }, { "v=STSv1; id=", "!" }, { "v=STSv1; id=1; id=2", "!" },
    { "v=STSv1; id=a b;", "!" }, { "v=STSv1; id=a-b;", "!" }, { "v=STSv1; id=1;; ", "!" }, { "v=STSv1; id=1; x", "!" },
    { "v=STSv1; id=1; x=;", "!" }, { "v=STSv1; id=1; x=a=b", "!" }, { "v=STSv1; ID=1", "!" },
    { "v=STSv1; =1; id=1", "!" },
    { "v=STSv10; id=1;", "-" }, { "V=STSv1; id=1;", "-" }, { " v=STSv1; id=1;", "-" }, { "v=spf1 -all", "-" },
    { "", "-" }, { "v=STSv2; id=1;", "-" },
  };
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) assert_string_equal(txt(rows[i].s), rows[i].id);
}

/* "mode max_age pattern pattern", or "! why". */
static char const *policy(char const *s)
{
  static char out[600];
  struct sts_policy p = STS_POLICY_ZERO;
  size_t n = strlen(s);
  char *copy = malloc(n ? n : 1);
  memcpy(copy, s, n);
  char const *wrong = sts_policy_scan(&p, copy, n);
  free(copy);
  if (wrong) snprintf(out, sizeof out, "! %s", wrong);
  else {
    int at = snprintf(out, sizeof out, "%s %u", sts_mode_word(p.mode), (unsigned)p.max_age);
    char const *mx = p.mx.s;
    for (unsigned i = 0; i < p.n; i++, mx += strlen(mx) + 1) {
      at += snprintf(out + at, sizeof out - (size_t)at, " %s", mx);
    }
  }
  sts_policy_free(&p);
  return out;
}

#define V "version: STSv1\n"

static void policies(void **state)
{
  (void)state;
  static struct { char const *s, *want; } const rows[] = {
    { V "mode: enforce\nmx: mail.example.com\nmx: *.Example.NET\nmx: b.example.\nmax_age: 604800\n",
      "enforce 604800 mail.example.com *.example.net b.example" },
    { "version:STSv1\r\nmode:testing \r\nmx:\t a.b\r\nmax_age:  0086400", "testing 86400 a.b" },
    { "mode: none\nmax_age: 1\n\n" V, "none 1" }, { V "mode: none\nmx: a.b\nmax_age: 1", "none 1 a.b" },
    { V "mode: enforce\nmx: a\nmax_age: 31557600\n", "enforce 31557600 a" },
    { V "mode: enforce\nmx: a\nmax_age: 9999999999\n", "enforce 31557600 a" },
    { V "mode: enforce\nmx: a\nmax_age: 00000000001\n", "! a max_age that is no number" },
    { V "mode: enforce\nmode: none\nmx: a.b\nmax_age: 5\nmax_age: x\n" "version: STSv2\n", "enforce 5 a.b" },
    { V "mode: enforce\nmx: a.b\nmax_age: 5\nx-1.y: any: thing\n", "enforce 5 a.b" },
    { V "mode: enforce\nmx: \xc3\xa4.example\nmax_age: 5\n", "enforce 5 xn--4ca.example" },
    { "", "! no version" }, { "mode: none\nmax_age: 1\n", "! no version" }, { V "max_age: 1\nmx: a.b\n", "! no mode" },
    { V "mode: enforce\nmx: a.b\n", "! no max_age" }, { V "mode: enforce\nmax_age: 1\n", "! no mx" },
    { V "mode: testing\nmax_age: 1\n", "! no mx" }, { "version: STSv2\n", "! another version than STSv1" },
    { "version: stsv1\n", "! another version than STSv1" }, { V "mode: Enforce\n", "! a mode that is unknown" },
    { V "mode:\n", "! a mode that is unknown" }, { V "max_age: -1\n", "! a max_age that is no number" },
    { V "max_age: 1 2\n", "! a max_age that is no number" }, { V "max_age:\n", "! a max_age that is no number" },
    { V "mx: a b\n", "! an mx that is no host name" }, { V "mx: \n", "! an mx that is no host name" },
    { V "mx: *\n", "! an mx that is no host name" }, { V "mx: *.\n", "! an mx that is no host name" },
    { V "mx: *.*.a\n", "! an mx that is no host name" }, { V "mx: a.*.b\n", "! an mx that is no host name" },
    { V "mx: 192.0.2.1\n", "! an mx that is no host name" }, { V "mx: .a\n", "! an mx that is no host name" },
    { V "nothing\n", "! a line that is no field" }, { V ": x\n", "! a line that is no field" },
    { V "a b: x\n", "! a line that is no field" }, { V "mode: enforce\rmx: a\n", "! a control character" },
    { V "x: \x7f\n", "! a control character" }, { "<html>", "! a line that is no field" },
  };
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) assert_string_equal(policy(rows[i].s), rows[i].want);
  struct sts_policy p = STS_POLICY_ZERO;
  assert_string_equal(sts_policy_scan(&p, V "x: \0\n", sizeof V + 5), "a control character");
  char *big = malloc(STS_POLICY + 1);
  memset(big, '\n', STS_POLICY + 1);
  assert_string_equal(sts_policy_scan(&p, big, STS_POLICY), "no version");
  assert_string_equal(sts_policy_scan(&p, big, STS_POLICY + 1), "more than 65536 bytes");
  free(big);
  sts_policy_free(&p);
}

static void matches(void **state)
{
  (void)state;
  struct sts_policy p = STS_POLICY_ZERO;
  char const *s = V "mode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 1\n";
  assert_null(sts_policy_scan(&p, s, strlen(s)));
  assert_true(sts_policy_match(&p, "mail.example.com") && sts_policy_match(&p, "a.example.net"));
  static char const *const no[] = { "example.com", "example.net", "a.b.example.net", "a.mail.example.com",
    "xexample.net", "mail.example.co", "", "*.example.net.", ".example.nets" };
  for (unsigned i = 0; i < sizeof no / sizeof *no; i++) assert_false(sts_policy_match(&p, no[i]));
  sts_policy_free(&p);
}

static char dir[] = "/tmp/test_sts.XXXXXX";

static int enter(void **state)
{
  (void)state;
  strcpy(dir + strlen(dir) - 6, "XXXXXX");
  return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void put(char const *path, char const *s)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  assert_true(fd >= 0 && io_write_file(fd, s, strlen(s)) == 0 && close(fd) == 0);
}

static void make(struct sts_entry *e, int64_t fetched)
{
  char const *s = V "mode: enforce\nmx: a.example\nmx: *.b.example\nmax_age: 1000\n";
  assert_null(sts_policy_scan(&e->policy, s, strlen(s)));
  strcpy(e->id, "id7");
  e->fetched = fetched;
  e->ends = fetched + e->policy.max_age;
}

static void kept(void **state)
{
  (void)state;
  struct sts_entry e = STS_ENTRY_ZERO, r = STS_ENTRY_ZERO;
  struct stat st;
  make(&e, 5000);
  assert_int_equal(sts_cache_read(dir, "a.example", &r), 0);
  for (int again = 0; again < 2; again++) {
    assert_int_equal(sts_cache_write(dir, "a.example", &e), 0);
    assert_int_equal(sts_cache_read(dir, "a.example", &r), 1);
    assert_string_equal(r.id, "id7");
    assert_int_equal(r.fetched, 5000);
    assert_int_equal(r.ends, 6000);
    assert_int_equal(r.policy.mode, STS_ENFORCE);
    assert_int_equal(r.policy.n, 2);
    assert_true(sts_policy_match(&r.policy, "x.b.example") && sts_policy_match(&r.policy, "a.example"));
  }
  assert_true(stat("a.example", &st) == 0 && st.st_mtime == 6000);
  assert_int_equal(access(".new.a.example", F_OK), -1);
  assert_int_equal(sts_cache_write("/nonexistent", "a.example", &e), -1);
  static char const *const bad[] = { "", "mta-sts 1\n", "mta-sts 2\nid a\nfetched 1\nends 2\nmode none\nend\n",
    "mta-sts 1\nid a\nfetched 1\nends 2\nmode enforce\nend\n", "mta-sts 1\nid a\nfetched 3\nends 2\nmode none\nend\n",
    "mta-sts 1\nid a\nfetched 1\nends 2\nmode none\n", "mta-sts 1\nid a\nfetched 1\nends 2\nmode none\nend\nx",
    "mta-sts 1\nid a\nfetched 1\nends 2\nmode enforce\nmx a..b\nend\n",
    "mta-sts 1\nid a\nfetched 1\nends 31557602\nmode none\nend\n",
    "mta-sts 1\nid \nfetched 1\nends 2\nmode none\nend\n" };
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    put("bad.example", bad[i]);
    errno = 0;
    assert_int_equal(sts_cache_read(dir, "bad.example", &r), -1);
    assert_int_equal(errno, EPROTO);
  }
  sts_entry_free(&e);
  sts_entry_free(&r);
}

static void ages(void **state)
{
  (void)state;
  struct sts_entry e = STS_ENTRY_ZERO;
  make(&e, 100000);
  assert_true(sts_entry_good(&e, 100000) && sts_entry_good(&e, 100999) && sts_entry_good(&e, 0));
  assert_false(sts_entry_good(&e, 101000));
  assert_false(sts_entry_old(&e, 100000) || sts_entry_old(&e, 100499));
  assert_false(sts_entry_ahead(&e, 100000) || sts_entry_ahead(&e, 100000 - STS_AHEAD));
  assert_true(sts_entry_ahead(&e, 100000 - STS_AHEAD - 1));
  assert_true(sts_entry_old(&e, 100500) && sts_entry_old(&e, 99999) && sts_entry_old(&e, 0));
  e.ends = e.fetched + STS_MAX_AGE;
  assert_false(sts_entry_old(&e, 100000 + 86399));
  assert_true(sts_entry_old(&e, 100000 + 86400));
  sts_entry_free(&e);
}

static void failures(void **state)
{
  (void)state;
  int64_t now = (int64_t)time(0);
  int lock = sts_lock(dir, "a.example", io_now() + 1000);
  assert_true(lock >= 0 && access("a.example~", F_OK) == 0);
  errno = 0;
  assert_int_equal(sts_lock(dir, "a.example", io_now() + 100), -1);
  assert_int_equal(errno, ETIMEDOUT);
  assert_int_equal(sts_failed_before(lock, "id7", now), STS_FETCHED);
  static enum sts_fetched const codes[] = { STS_NOT_FETCHED, STS_INVALID, STS_UNTRUSTED };
  for (unsigned i = 0; i < 3; i++) {
    sts_note(lock, "id7", codes[i]);
    assert_int_equal(sts_failed_before(lock, "id7", now + 1), codes[i]);
    assert_int_equal(sts_failed_before(lock, "id", now + 1), STS_FETCHED);
    assert_int_equal(sts_failed_before(lock, "id77", now + 1), STS_FETCHED);
    assert_int_equal(sts_failed_before(lock, "id7", now + STS_REST + 5), STS_FETCHED);
    assert_int_equal(sts_failed_before(lock, "id7", now - 10), STS_FETCHED);
  }
  static enum sts_fetched const none[] = { STS_OURS, STS_FETCHED };
  for (unsigned i = 0; i < 2; i++) {
    sts_note(lock, "id7", none[i]);
    assert_int_equal(sts_failed_before(lock, "id7", now + 1), STS_FETCHED);
    sts_note(lock, "id7", STS_INVALID);
  }
  sts_note(lock, "id7", STS_FETCHED);
  assert_int_equal(sts_failed_before(lock, "id7", now + 1), STS_FETCHED);
  put("a.example~", "id7 1 ");
  assert_int_equal(sts_failed_before(lock, "id7", 2), STS_FETCHED);
  put("a.example~", "id7 1 3\n");
  assert_int_equal(sts_failed_before(lock, "id7", 2), STS_NOT_FETCHED);
  put("a.example~", "id7 1 111\n");
  assert_int_equal(sts_failed_before(lock, "id7", 2), STS_FETCHED);
  close(lock);
  lock = sts_lock(dir, "a.example", io_now());
  assert_true(lock >= 0);
  close(lock);
}

static void swept(void **state)
{
  (void)state;
  struct sts_entry e = STS_ENTRY_ZERO;
  make(&e, 1000000);
  assert_int_equal(sts_cache_write(dir, "old.example", &e), 0);
  make(&e, 1000000 + STS_SWEEP);
  assert_int_equal(sts_cache_write(dir, "ended.example", &e), 0);
  put(".swept", "");
  sts_sweep(dir, 1000000 + 1000 + STS_SWEEP);
  assert_int_equal(access("old.example", F_OK), -1);
  assert_int_equal(access("ended.example", F_OK), 0);
  make(&e, 1000000);
  assert_int_equal(sts_cache_write(dir, "old.example", &e), 0);
  sts_sweep(dir, (int64_t)time(0) + 100);
  assert_int_equal(access("old.example", F_OK), 0);
  sts_sweep(dir, (int64_t)time(0) + STS_SWEEP + 100);
  assert_int_equal(access("old.example", F_OK), -1);
  assert_int_equal(access("ended.example", F_OK), -1);
  sts_entry_free(&e);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(records), cmocka_unit_test(policies), cmocka_unit_test(matches),
    cmocka_unit_test_setup_teardown(kept, enter, leave), cmocka_unit_test(ages),
    cmocka_unit_test_setup_teardown(failures, enter, leave), cmocka_unit_test_setup_teardown(swept, enter, leave),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
