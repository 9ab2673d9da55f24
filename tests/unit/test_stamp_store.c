/* The directory of stamps: who may write there, what is a stamp and what is none, the younger one, what is old. (Who
 * works there at the same time: test_stamp_races, test_stamp_between.) */
#include "stamp_dir.h"

static void opening(void **state)
{
  char const *why;
  char path[64];
  assert_true(stamp_open("/nonexistent", &why) < 0);
  assert_string_equal(why, strerror(ENOENT));
  assert_true(stamp_open("/dev/null", &why) < 0);
  assert_string_equal(why, strerror(ENOTDIR));
  snprintf(path, sizeof path, "%s/sub", dir);
  assert_int_equal(mkdir(path, 0700), 0);
  for (int mode = 0; mode < 02000; mode++) {
    assert_int_equal(chmod(path, (mode_t)(mode | 0500)), 0);
    int f = stamp_open(path, &why);
    CHECK((f < 0) == !!(mode & 2), "%o", mode);
    if (f >= 0) assert_true(fcntl(f, F_GETFD) & FD_CLOEXEC && !close(f));
    else assert_string_equal(why, "everybody may write to it");
  }
  rmdir(path);
}

static void write_read(void **state)
{
  struct stat st;
  struct stamp in = stamp("192.0.2.1", 17), out;
  assert_int_equal(find(&out), STAMP_NONE);
  in.boot = 99;
  assert_int_equal(stamp_write(fd, &in), 0);
  assert_int_equal(find(&out), STAMP_FOUND);
  assert_true(out.time == in.time && out.boot == 99 && !strcmp(out.user, "joe") && !memcmp(&out.ip, &ip, sizeof ip));
  assert_int_equal(fstatat(fd, "192.0.2.1", &st, 0), 0);
  assert_int_equal(st.st_mode, S_IFREG | 0644);
  in.time -= 100; /* older: put all the same */
  strcpy(in.user, "ann");
  assert_int_equal(stamp_write(fd, &in), 0);
  assert_int_equal(find(&out), STAMP_FOUND);
  assert_true(out.time == in.time && !strcmp(out.user, "ann"));
  assert_int_equal(count(), 1);
  assert_int_equal(stamp_read(fd, &ip, 1, &out), STAMP_NONE);
  struct ip none = { .len = 0 };
  assert_int_equal(stamp_read(fd, &none, 0, &out), STAMP_NONE);
  in.ip = none;
  assert_int_equal(stamp_write(fd, &in), -1);
  assert_int_equal(errno, EINVAL);
}

static void networks(void **state)
{
  struct stamp own = stamp("2001:db8::5", 1), net = stamp("2001:db8::", 2), first = stamp("2001:db8::", 3), out;
  struct ip neighbour = stamp("2001:db8::99", 0).ip;
  net.net = own.net = 1;
  assert_int_equal(stamp_write(fd, &own), -1); /* not its network's first */
  own.net = 0;
  assert_int_equal(stamp_write(fd, &own), 0);
  assert_int_equal(stamp_read(fd, &neighbour, 1, &out), STAMP_NONE);
  assert_int_equal(stamp_write(fd, &net), 0);
  assert_int_equal(stamp_read(fd, &own.ip, 0, &out), STAMP_FOUND);
  assert_false(out.net);
  assert_int_equal(stamp_read(fd, &neighbour, 0, &out), STAMP_NONE);
  assert_int_equal(stamp_read(fd, &neighbour, 1, &out), STAMP_FOUND);
  assert_true(out.net && out.time == net.time && !memcmp(&out.ip, &net.ip, sizeof net.ip));
  assert_int_equal(stamp_read(fd, &first.ip, 0, &out), STAMP_NONE); /* the network's is not that address' */
  assert_int_equal(stamp_write(fd, &first), 0);
  assert_int_equal(stamp_read(fd, &neighbour, 1, &out), STAMP_NONE);
  assert_int_equal(stamp_read(fd, &first.ip, 0, &out), STAMP_FOUND);
  make("192.0.2.1", "NET=64", 7);
  assert_int_equal(find(&out), STAMP_BAD);
  make("2001:db8::5", "NET=64", 7);
  assert_int_equal(stamp_read(fd, &own.ip, 0, &out), STAMP_BAD);
  empty();
}

static void none_of_them(void **state)
{
  struct stamp s = stamp("192.0.2.1", 5), out;
  for (int kind = 0; kind <= 8; kind++) {
    put_kind(kind);
    CHECK(find(&out) == STAMP_BAD && errno == EPROTO, "kind %d", kind);
    int r = stamp_write_newer(fd, &s);
    CHECK(r == (kind == 8 ? -1 : 1), "kind %d: %d", kind, r);
    if (kind == 8) assert_int_equal(errno, EISDIR);
    else assert_int_equal(find(&out), STAMP_FOUND);
    assert_int_equal(count(), 2);
    put_kind(kind);
    CHECK(stamp_write(fd, &s) == (kind == 8 ? -1 : 0), "kind %d", kind);
    CHECK(find(&out) == (kind == 8 ? STAMP_BAD : STAMP_FOUND), "kind %d", kind);
    assert_int_equal(count(), 2);
    s.ip = stamp("192.0.2.2", 0).ip; /* what a link pointed to is as it was */
    assert_int_equal(stamp_read(fd, &s.ip, 0, &out), STAMP_FOUND);
    s.ip = ip;
  }
  empty();
}

static void newer(void **state)
{
  struct stamp s = stamp("192.0.2.1", 100), out;
  assert_int_equal(stamp_write_newer(fd, &s), 1);
  assert_int_equal(stamp_write_newer(fd, &s), 0); /* as young */
  s.time -= 1;
  assert_int_equal(stamp_write_newer(fd, &s), 0);
  s.time += 2;
  assert_int_equal(stamp_write_newer(fd, &s), 1);
  assert_int_equal(find(&out), STAMP_FOUND);
  assert_true(out.time == s.time);
  out.time += 10000; /* from the future */
  assert_int_equal(stamp_write(fd, &out), 0);
  assert_int_equal(stamp_write_newer(fd, &s), 1);
  assert_int_equal(count(), 1);
  empty();
  int f = openat(fd, ".", O_RDONLY | O_DIRECTORY);
  assert_int_equal(rmdir(dir), 0);
  assert_int_equal(stamp_write(f, &s), -1);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(stamp_write_newer(f, &s), -1);
  assert_int_equal(mkdir(dir, 0700), 0);
  char const *why;
  close(f);
  close(fd);
  assert_true((fd = stamp_open(dir, &why)) >= 0);
}

static void removing(void **state)
{
  /* time ago, boot ago (-1: unknown), gone after 300 seconds? */
  struct { int64_t ago, boot; int gone; } const cases[] = {
    { 0, 0, 0 }, { 300, 300, 0 }, { 301, 301, 1 }, { 301, -1, 1 }, { 5000, 10, 1 },
    { 10, 5000, 0 /* it will be 301 */ },
    { -200, 200, 0 }, { -200, 301, 1 }, { -5000, 200, 0 }, { -300, -1, 0 }, { -301, -1, 1 }
  }, *c;
  struct clocks now = { .now = stamp_clocks().now, .boot = 100000 };
  EACH_CASE(c, cases) {
    struct stamp s = stamp("192.0.2.1", 0), out;
    s.time = now.now - c->ago;
    s.boot = c->boot < 0 ? -1 : now.boot - c->boot;
    assert_int_equal(stamp_write(fd, &s), 0);
    int r = stamp_remove_old(fd, "192.0.2.1", 300, &now);
    CHECK(r == c->gone, "%lld: %d", (long long)c->ago, r);
    assert_int_equal(find(&out), c->gone ? STAMP_NONE : STAMP_FOUND);
    assert_int_equal(count(), !c->gone);
  }
  assert_int_equal(stamp_remove_old(fd, "192.0.2.9", 300, &now), 0);
  for (int kind = 2; kind <= 8; kind++) {
    put_kind(kind);
    assert_int_equal(stamp_remove_old(fd, "192.0.2.1", -1, &now), -1);
    assert_int_equal(errno, EPROTO);
    assert_int_equal(count(), 2);
  }
  empty();
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(opening), cmocka_unit_test(write_read), cmocka_unit_test(networks), cmocka_unit_test(none_of_them),
    cmocka_unit_test(newer), cmocka_unit_test(removing)
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
