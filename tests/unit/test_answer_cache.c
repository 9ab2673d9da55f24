/* The cache of next hops' answers: what it gives back, for how long, and what it does not take for its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit.h"
#include "answer/cache.h"

static char dir[] = "/tmp/posthouse-cache-XXXXXX", path[64];
static struct cache c;
static struct ask_answer const yes = { .state = ANSWER_YES };
static int64_t const now = 1700000000000;

static void open_one(void)
{
  c = (struct cache){ .slots = { .fd = -1 }, .yes = 10, .no = 5 };
  char const *why = cache_open(&c, path);
  CHECK(!why, "%s", why);
}

static void fresh(void)
{
  unlink(path);
  open_one();
}

static char const *got(char const *address, int64_t at)
{
  static struct ask_answer a;
  a.state = ANSWER_NOT_ASKED;
  if (!cache_get(&c, "192.0.2.1:25", address, at, &a)) return "-";
  assert_int_equal(a.n, 0);
  return a.state == ANSWER_YES ? "yes" : a.state == ANSWER_NO ? a.text : "?";
}

static void put(char const *address, enum answer state, char const *text)
{
  struct ask_answer a = { .state = state };
  strcpy(a.text, text);
  cache_put(&c, "192.0.2.1:25", address, now, &a);
}

static off_t size(void)
{
  struct stat st;
  assert_int_equal(fstat(c.slots.fd, &st), 0);
  return st.st_size;
}

static void keeps(void **state)
{
  fresh();
  assert_string_equal(got("a@b", now), "-");
  put("a@b", ANSWER_YES, "");
  put("no@b", ANSWER_NO, "550 5.1.1 no such user");
  put("maybe@b", ANSWER_UNKNOWN, "later");
  assert_string_equal(got("a@b", now), "yes");
  assert_string_equal(got("no@b", now), "550 5.1.1 refused shortly before");
  assert_string_equal(got("maybe@b", now), "-");
  assert_string_equal(got("A@b", now), "-"); /* what the next hop makes of capitals is its own affair */
  struct ask_answer a;
  assert_int_equal(cache_get(&c, "192.0.2.2:25", "a@b", now, &a), 0);
  assert_int_equal(cache_get(&c, "192.0.2.1:2", "5a@b", now, &a), 0);
  cache_close(&c);
  open_one(); /* another process */
  assert_string_equal(got("a@b", now), "yes");
  put("a@b", ANSWER_NO, "551 gone"); /* the later one counts */
  assert_string_equal(got("a@b", now), "551 refused shortly before");
  assert_int_equal(size(), SLOTS_BYTES);
  cache_close(&c);
}

static void times(void **state)
{
  fresh();
  put("a@b", ANSWER_YES, "");
  put("n@b", ANSWER_NO, "");
  assert_string_equal(got("a@b", now + 9999), "yes");
  assert_string_equal(got("a@b", now + 10000), "-");
  assert_string_equal(got("n@b", now + 4999), "refused shortly before");
  assert_string_equal(got("n@b", now + 5000), "-");
  assert_string_equal(got("a@b", now - 1), "-"); /* the clock was set back: who knows for how long it is kept then */
  assert_string_equal(got("a@b", 0), "-");
  assert_string_equal(got("a@b", -5), "-");
  c.yes = 0;
  assert_string_equal(got("a@b", now), "-");
  put("z@b", ANSWER_YES, "");
  c.yes = 604800;
  assert_string_equal(got("z@b", now), "-");
  assert_string_equal(got("a@b", now + 604799999), "yes"); /* the limit counts that holds now */
  cache_put(&c, "192.0.2.1:25", "q@b", -1, &yes);
  assert_string_equal(got("q@b", now), "-");
  cache_close(&c);
}

static void codes(void **state)
{
  static struct { char const *text, *code; } const cases[] = {
    { "550 5.1.1 x", "550 5.1.1 " }, { "550 5.123.123 x", "550 5.123.123 " }, { "550 no", "550 " }, { "550", "550 " },
    { "", "" }, { "x", "" }, { "5500 5.1.1 x", "" }, { "550 5.1.1", "550 " }, { "550 5.1.1.1 x", "550 " },
    { "550 5.1 x", "550 " }, { "550 5.1234.1 x", "550 " }, { "550  5.1.1 x", "550 " }, { "55 5.1.1 x", "" },
    { "h.example [192.0.2.1] does not take it (#5.6.7)", "" },
  }, *k;
  fresh();
  EACH_CASE(k, cases) {
    char want[64];
    snprintf(want, sizeof want, "%srefused shortly before", k->code);
    put("n@b", ANSWER_NO, k->text);
    CHECK(!strcmp(got("n@b", now), want), "%s: %s", k->text, got("n@b", now));
  }
  cache_close(&c);
}

/* Where the slot of a@b is: the one that is not empty. */
static off_t used_slot(char slot[SLOTS_SLOT])
{
  for (off_t at = 0; at < SLOTS_BYTES; at += SLOTS_SLOT) {
    assert_int_equal(pread(c.slots.fd, slot, SLOTS_SLOT, at), SLOTS_SLOT);
    for (int i = 0; i < SLOTS_SLOT; i++) if (slot[i]) return at;
  }
  fail();
  return -1;
}

/* Written in part, written over, turned: every byte, every prefix. */
static void torn(void **state)
{
  char slot[SLOTS_SLOT], copy[SLOTS_SLOT];
  fresh();
  put("a@b", ANSWER_YES, "");
  off_t at = used_slot(slot);
  for (int i = 0; i < SLOTS_SLOT; i++) {
    memcpy(copy, slot, SLOTS_SLOT);
    copy[i] ^= 1;
    assert_int_equal(pwrite(c.slots.fd, copy, SLOTS_SLOT, at), SLOTS_SLOT);
    assert_string_equal(got("a@b", now), "-");
    memset(copy, 0, SLOTS_SLOT);
    memcpy(copy, slot, (size_t)i);
    assert_int_equal(pwrite(c.slots.fd, copy, SLOTS_SLOT, at), SLOTS_SLOT);
    assert_string_equal(got("a@b", now), "-");
  }
  assert_int_equal(pwrite(c.slots.fd, slot, SLOTS_SLOT, at), SLOTS_SLOT);
  assert_string_equal(got("a@b", now), "yes");
  /* elsewhere it is nobody's */
  assert_int_equal(pwrite(c.slots.fd, slot, SLOTS_SLOT, at ? 0 : SLOTS_SLOT), SLOTS_SLOT);
  assert_int_equal(ftruncate(c.slots.fd, at + SLOTS_SLOT - 1), 0);
  assert_string_equal(got("a@b", now), "-");
  put("a@b", ANSWER_YES, ""); /* and comes back, though the file was cut */
  assert_string_equal(got("a@b", now), "yes");
  assert_true(size() <= SLOTS_BYTES);
  cache_close(&c);
}

/* Far more addresses than slots: the file keeps its size, the newest of each slot is there, and no answer is another
 * address'. */
static void many(void **state)
{
  char address[32];
  unsigned left = 0;
  fresh();
  for (unsigned i = 0; i < 2 * SLOTS; i++) {
    snprintf(address, sizeof address, "%u@b", i);
    put(address, i % 2 ? ANSWER_YES : ANSWER_NO, "550 x");
    assert_string_equal(got(address, now), i % 2 ? "yes" : "550 refused shortly before");
  }
  for (unsigned i = 0; i < 2 * SLOTS; i++) {
    snprintf(address, sizeof address, "%u@b", i);
    char const *s = got(address, now);
    if (*s == '-') continue;
    left++;
    assert_string_equal(s, i % 2 ? "yes" : "550 refused shortly before");
  }
  assert_true(left <= SLOTS && left > SLOTS / 2);
  assert_int_equal(size(), SLOTS_BYTES);
  cache_close(&c);
}

static void expect(char const *what, char const *words)
{
  char const *why = cache_open(&c, path);
  CHECK(why && strstr(why, words) && c.slots.fd < 0, "%s: %s", what, why ? why : "taken");
  put("a@b", ANSWER_YES, ""); /* harmless */
  assert_string_equal(got("a@b", now), "-");
}

static void not_ours(void **state)
{
  char target[80];
  struct stat st;
  snprintf(target, sizeof target, "%s/target", dir);
  unlink(path);
  assert_int_equal(symlink(target, path), 0);
  expect("link to nothing", "link");
  assert_int_equal(stat(target, &st), -1); /* and nothing was made there */
  close(open(target, O_WRONLY | O_CREAT, 0600));
  expect("link", "link");
  unlink(path);
  unlink(target);
  assert_int_equal(mkfifo(path, 0600), 0);
  expect("FIFO", "regular");
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  expect("directory", "");
  rmdir(path);
  fresh();
  assert_int_equal(fchmod(c.slots.fd, 0620), 0);
  cache_close(&c);
  expect("group may write", "others");
  for (int more = -1; more < 2; more += 2) {
    fresh();
    assert_int_equal(ftruncate(c.slots.fd, SLOTS_BYTES + more), 0);
    cache_close(&c);
    expect("size", "size");
  }
  fresh();
  assert_int_equal(ftruncate(c.slots.fd, 0), 0); /* made by relay-conf: empty */
  cache_close(&c);
  open_one();
  assert_int_equal(size(), SLOTS_BYTES);
  cache_close(&c);
  if (!geteuid()) {
    assert_int_equal(chown(path, 65534, 65534), 0);
    expect("somebody else's", "belongs");
  }
  unlink(path);
  snprintf(path, sizeof path, "%s/none/asked", dir);
  expect("no directory", "No such file");
  snprintf(path, sizeof path, "%s/asked", dir);
}

static void modes(void **state)
{
  struct stat st;
  mode_t before = umask(0);
  fresh();
  assert_true(!fstat(c.slots.fd, &st) && (st.st_mode & 07777) == 0600);
  assert_true(fcntl(c.slots.fd, F_GETFD) & FD_CLOEXEC);
  umask(before);
  cache_close(&c);
}

static int start(void **state)
{
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/asked", dir);
  return 0;
}

static int end(void **state)
{
  unlink(path);
  return rmdir(dir);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(keeps), cmocka_unit_test(times), cmocka_unit_test(codes), cmocka_unit_test(torn),
    cmocka_unit_test(many), cmocka_unit_test(not_ours), cmocka_unit_test(modes),
  };
  return cmocka_run_group_tests(tests, start, end);
}
