/* Entries: their text, what opens and what does not, time. */
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "unit.h"
#include "share/entry.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define P "p:"
static struct entry_key const key = { KEY, 32, P };

static struct stamp make(char const *address, int net, char const *user, int64_t time)
{
  struct stamp s = { .net = !!net, .node = "a.example", .time = time, .boot = -1 };
  assert_true(ip_scan(&s.ip, address, strlen(address)));
  strcpy(s.user, user);
  return s;
}

static struct { char const *address; int net; char const *user; int64_t time; char const *text; } const texts[] = {
  { "192.0.2.1", 0, "joe", 1700000000, "posthouse-stamp-1\np:\n1700000000\na.example\n192.0.2.1\njoe\n" },
  { "192.0.2.1", 0, "", 0, "posthouse-stamp-1\np:\n0\na.example\n192.0.2.1\n\n" },
  { "2001:db8::1", 0, "j o@x", 1, "posthouse-stamp-1\np:\n1\na.example\n2001:db8::1\nj o@x\n" },
  { "2001:db8::", 1, "gr\xc3\xbc\xc3\x9f", 1,
    "posthouse-stamp-1\np:\n1\na.example\n2001:db8::/64\ngr\xc3\xbc\xc3\x9f\n" },
};

static void text(void **state)
{
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct stamp s = make(texts[i].address, texts[i].net, texts[i].user, texts[i].time), got;
    char out[ENTRY_MAX];
    size_t n = entry_fmt(out, &s, P);
    CHECK(n == strlen(texts[i].text) && !memcmp(out, texts[i].text, n), "%s", texts[i].text);
    assert_int_equal(entry_scan(&got, out, n, P), ENTRY_GOOD);
    assert_memory_equal(&got.ip, &s.ip, sizeof s.ip);
    assert_int_equal(got.net, s.net);
    assert_string_equal(got.user, s.user);
    assert_string_equal(got.node, s.node);
    assert_int_equal(got.time, s.time);
    assert_int_equal(got.boot, -1);
  }
}

#define M "posthouse-stamp-1\np:\n"
static char const *const wrong[] = {
  "", "\n", M, "posthouse-stamp-1\n", "posthouse-stamp-2\np:\n1\na\n192.0.2.1\njoe\n",
  "posthouse-stamp-1\r\np:\n1\na\n192.0.2.1\njoe\n", "posthouse-stamp-1\np:\r\n1\na\n192.0.2.1\njoe\n",
  "posthouse-stamp-1\n1\na\n192.0.2.1\njoe\n", "posthouse-stamp-1\n\n1\na\n192.0.2.1\njoe\n",
  "posthouse-stamp-1\np*\n1\na\n192.0.2.1\njoe\n",
  M "1\na\n192.0.2.1\njoe", M "1\na\n192.0.2.1\n", M "1\na\n192.0.2.1\njoe\n\n", M "1\na\n192.0.2.1\njoe\nx\n",
  M "01\na\n192.0.2.1\njoe\n", M "-1\na\n192.0.2.1\njoe\n", M "+1\na\n192.0.2.1\njoe\n", M " 1\na\n192.0.2.1\njoe\n",
  M "\na\n192.0.2.1\njoe\n", M "9223372036854775807\na\n192.0.2.1\njoe\n",
  M "18446744073709551617\na\n192.0.2.1\njoe\n", M "1\n\n192.0.2.1\njoe\n", M "1\na b\n192.0.2.1\njoe\n",
  M "1\na/b\n192.0.2.1\njoe\n", M "1\na\n\njoe\n", M "1\na\n192.0.2.01\njoe\n", M "1\na\n192.0.2\njoe\n",
  M "1\na\n::ffff:192.0.2.1\njoe\n", M "1\na\n2001:DB8::1\njoe\n", M "1\na\n2001:db8:0::1\njoe\n",
  M "1\na\n2001:db8::1/64\njoe\n", M "1\na\n192.0.2.0/64\njoe\n", M "1\na\n2001:db8::/48\njoe\n",
  M "1\na\n2001:db8::/64/64\njoe\n", M "1\na\n/64\njoe\n", M "1\na\n../etc/passwd\njoe\n",
  M "1\na\n192.0.2.1\nj\toe\n", M "1\na\n192.0.2.1\nj\x7foe\n", M "1\na\n192.0.2.1\n\xff\n",
  M "1\na\n192.0.2.1\n\xc2\x85\n",
};

static void refused_texts(void **state)
{
  struct stamp got = { .time = 77 };
  char big[ENTRY_MAX + 1];
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    CHECK(entry_scan(&got, wrong[i], strlen(wrong[i]), P) == ENTRY_NONE, "%s", wrong[i]);
  /* a NUL anywhere */
  for (size_t i = 0; i < strlen(texts[0].text); i++) {
    strcpy(big, texts[0].text);
    big[i] = 0;
    assert_int_equal(entry_scan(&got, big, strlen(texts[0].text), P), ENTRY_NONE);
  }
  assert_int_equal(got.time, 77);
}

/* The largest that there can be. */
static void largest(void **state)
{
  struct stamp s = make("2001:db8:1111:1111:1111:1111:1111:1111", 0, "", INT64_MAX / 2), got;
  char out[ENTRY_MAX], prefix[65] = "";
  struct entry_key const key = { KEY, 32, prefix };
  memset(prefix, 'p', 64);
  memset(s.user, 'u', STAMP_USER - 1);
  memset(s.node, 'n', STAMP_NODE - 1);
  size_t n = entry_seal(out, &s, &key);
  assert_true(n && n <= ENTRY_MAX);
  assert_int_equal(entry_open(&got, out, n, &key), ENTRY_GOOD);
  assert_string_equal(got.user, s.user);
  assert_string_equal(got.node, s.node);
}

/* What openssl dgst -sha256 -hmac says. */
static void signature(void **state)
{
  static char const known[] = "87092bd18a0d7f7ed7b6432a6ed68e5c102842e1b03780205467400d32c61333";
  struct stamp s = make("192.0.2.1", 0, "joe", 1700000000);
  char out[ENTRY_MAX];
  size_t n = entry_seal(out, &s, &key);
  assert_int_equal(n, strlen(texts[0].text) + 64);
  assert_memory_equal(out, texts[0].text, n - 64);
  CHECK(!memcmp(out + n - 64, known, 64), "%.64s", out + n - 64);
}

/* Whatever bit is changed, whatever is cut off or added: nothing opens. */
static void altered(void **state)
{
  struct stamp s = make("192.0.2.1", 0, "joe", 1700000000), got;
  char out[ENTRY_MAX + 1], again[ENTRY_MAX + 2];
  size_t n = entry_seal(out, &s, &key);
  assert_int_equal(entry_open(&got, out, n, &key), ENTRY_GOOD);
  for (size_t i = 0; i < n; i++) {
    for (int bit = 0; bit < 8; bit++) {
      memcpy(again, out, n);
      again[i] ^= (char)(1 << bit);
      assert_int_equal(entry_open(&got, again, n, &key), ENTRY_UNSIGNED);
    }
    assert_int_equal(entry_open(&got, out, i, &key), ENTRY_UNSIGNED);
    assert_int_equal(entry_open(&got, out + i + 1, n - i - 1, &key), ENTRY_UNSIGNED);
  }
  out[n] = '\n';
  assert_int_equal(entry_open(&got, out, n + 1, &key), ENTRY_UNSIGNED);
  memset(again, 'x', sizeof again);
  assert_int_equal(entry_open(&got, again, ENTRY_MAX, &key), ENTRY_UNSIGNED);
  assert_int_equal(entry_open(&got, again, ENTRY_MAX + 1, &key), ENTRY_LARGE);
}

static void other_keys(void **state)
{
  static struct entry_key const keys[] = {
    { KEY, 31, P }, { KEY "0", 33, P }, { "0123456789abcdef0123456789abcdeg", 32, P }, { "", 0, P },
  };
  struct stamp s = make("192.0.2.1", 0, "joe", 1700000000), got;
  char out[ENTRY_MAX];
  size_t n = entry_seal(out, &s, &key);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    assert_int_equal(entry_open(&got, out, n, &keys[i]), ENTRY_UNSIGNED);
}

/* One key, and another group of machines: the text says whose it is. */
static void other_prefixes(void **state)
{
  static char const *const prefixes[] = { "p", "p:p", "q:", "P:", ":", "posthouse:stamp:" };
  struct stamp s = make("192.0.2.1", 0, "joe", 1700000000), got = { .time = 77 };
  char out[ENTRY_MAX];
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    struct entry_key theirs = { KEY, 32, prefixes[i] };
    size_t n = entry_seal(out, &s, &theirs);
    CHECK(entry_open(&got, out, n, &key) == ENTRY_OTHER, "%s", prefixes[i]);
    n = entry_seal(out, &s, &key);
    CHECK(entry_open(&got, out, n, &theirs) == ENTRY_OTHER, "%s", prefixes[i]);
  }
  assert_int_equal(got.time, 77);
}

/* Signed, but no stamp. */
static void signed_nonsense(void **state)
{
  static char const hex[] = "0123456789abcdef";
  struct stamp got;
  char out[ENTRY_MAX];
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    unsigned char mac[32];
    size_t n = strlen(wrong[i]);
    HMAC(EVP_sha256(), KEY, 32, (unsigned char const *)wrong[i], n, mac, 0);
    memcpy(out, wrong[i], n);
    for (int j = 0; j < 32; j++) {
      out[n++] = hex[mac[j] >> 4];
      out[n++] = hex[mac[j] & 15];
    }
    assert_int_equal(entry_open(&got, out, n, &key), ENTRY_NONE);
  }
}

#define NOW 1700000000
static struct {
  int64_t time, boot, seconds;
  enum entry_result r;
  int64_t time_here, boot_here, late;
} const times[] = {
  { NOW, 5000, 300, ENTRY_GOOD, NOW, 5000, 0 },
  { NOW - 10, 5000, 300, ENTRY_GOOD, NOW - 10, 4990, 0 },
  { NOW - 299, 5000, 300, ENTRY_GOOD, NOW - 299, 4701, 0 },
  { NOW - 300, 5000, 300, ENTRY_EXPIRED, 0, 0, 0 },
  { 0, 5000, 300, ENTRY_EXPIRED, 0, 0, 0 },
  { NOW + 1, 5000, 300, ENTRY_GOOD, NOW, 5000, 0 },
  { NOW + 5, 5000, 300, ENTRY_GOOD, NOW, 5000, 0 },
  { NOW + 6, 5000, 300, ENTRY_FUTURE, 0, 0, 0 },
  { INT64_MAX / 2, 5000, 300, ENTRY_FUTURE, 0, 0, 0 },
  { NOW - 200, 100, 300, ENTRY_GOOD, NOW - 200, 0, 0 },   /* we were started later */
  { NOW - 1, 5000, 1, ENTRY_EXPIRED, 0, 0, 0 },
  /* our clock was set back */
  { NOW, 5000, 300, ENTRY_EXPIRED, 0, 0, 300 },
  { NOW + 1, 5000, 300, ENTRY_GOOD, NOW - 299, 4701, 300 },
  { NOW + 300, 5000, 300, ENTRY_GOOD, NOW, 5000, 300 },
  { NOW + 305, 5000, 300, ENTRY_GOOD, NOW, 5000, 300 },
  { NOW + 306, 5000, 300, ENTRY_FUTURE, 0, 0, 300 },
  { NOW - 200, 5000, 300, ENTRY_EXPIRED, 0, 0, 100 },
};

static void judged(void **state)
{
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    struct stamp s = make("192.0.2.1", 0, "joe", times[i].time);
    struct clocks c = { .now = NOW, .boot = times[i].boot };
    CHECK(entry_judge(&s, &c, times[i].late, times[i].seconds) == times[i].r, "case %zu", i);
    if (times[i].r != ENTRY_GOOD) continue;
    assert_int_equal(s.time, times[i].time_here);
    assert_int_equal(s.boot, times[i].boot_here);
    assert_true(stamp_age(&s, NOW, times[i].boot) >= NOW + times[i].late - times[i].time);
  }
}

static void names(void **state)
{
  static char const *const no[] = {
    "", "new", "192.0.2.1/64", "192.0.2.01", "2001:DB8::", "2001:db8::1/64", "/64", "x", "192.0.2.1 "
  };
  static char const *const yes[] = { "192.0.2.1", "2001:db8::", "2001:db8::/64", "::1", "::/64" };
  for (size_t i = 0; i < sizeof no / sizeof *no; i++) CHECK(!entry_is_name(no[i], strlen(no[i])), "%s", no[i]);
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) CHECK(entry_is_name(yes[i], strlen(yes[i])), "%s", yes[i]);
  assert_false(entry_is_name("192.0.2.1", 10));
  assert_string_equal(entry_word(ENTRY_UNSIGNED), "unsigned");
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(text), cmocka_unit_test(refused_texts), cmocka_unit_test(largest), cmocka_unit_test(signature),
    cmocka_unit_test(altered), cmocka_unit_test(other_keys), cmocka_unit_test(other_prefixes),
    cmocka_unit_test(signed_nonsense),
    cmocka_unit_test(judged), cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
