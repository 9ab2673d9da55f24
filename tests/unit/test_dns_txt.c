/* TXT records in an answer: their strings joined, aliases followed, what is malformed refused. */
#include <stdlib.h>
#include <sys/types.h>
#include <arpa/nameser.h>
#include "unit.h"
#include "dns/answer.h"

static unsigned char msg[70000];
static size_t len;
static char seen[70000];
static size_t longest;

static void bytes(void const *s, size_t n)
{
  memcpy(msg + len, s, n);
  len += n;
}

/* An answer to a question about x.y with that many records. */
static void begin(unsigned char answers)
{
  unsigned char const head[12] = { 1, 2, 0x81, 0x80, 0, 1, 0, answers };
  len = 0;
  bytes(head, 12);
  bytes("\1x\1y\0\0\20\0\1", 9);
}

static void record(char const *owner, unsigned char type, unsigned char class, void const *data, size_t n)
{
  bytes(owner, 5);
  unsigned char const rest[10] = { 0, type, 0, class, 0, 0, 1, 0, (unsigned char)(n >> 8), (unsigned char)n };
  bytes(rest, 10);
  bytes(data, n);
}

static void note(void *arg, char const *s, size_t n)
{
  assert_ptr_equal(arg, seen);
  if (n > longest) longest = n;
  strcat(seen, "[");
  if (n < 100) strncat(seen, s, n);
  strcat(seen, "]");
}

/* What was seen, or "!"; a copy of the exact size shows a read too far to a sanitizer. */
static char const *of(void)
{
  unsigned char *copy = malloc(len);
  *seen = 0;
  longest = 0;
  memcpy(copy, msg, len);
  int r = dns_answer_txt(note, seen, "x.y", copy, len);
  free(copy);
  return r < 0 ? "!" : seen;
}

#define X "\1x\1y\0"
#define Z "\1z\1y\0"

static void texts(void **state)
{
  (void)state;
  begin(0);
  assert_string_equal(of(), "");
  begin(2);
  record(X, ns_t_txt, 1, "\3abc\0\2de", 8);
  record(X, ns_t_txt, 1, "\1f", 2);
  assert_string_equal(of(), "[abcde][f]");
  begin(5); /* others: another name, another class, another type; and an empty one */
  record(Z, ns_t_txt, 1, "\1a", 2);
  record(X, ns_t_txt, 3, "\1b", 2);
  record(X, ns_t_null, 1, "\1c", 2);
  record(X, ns_t_txt, 1, "\0", 1);
  record("\1X\1Y\0", ns_t_txt, 1, "\1d", 2);
  assert_string_equal(of(), "[][d]");
  begin(3); /* an alias: what stands at its end counts, whatever the order */
  record(Z, ns_t_txt, 1, "\1a", 2);
  record(X, ns_t_cname, 1, Z, 5);
  record(X, ns_t_txt, 1, "\1b", 2);
  assert_string_equal(of(), "[a]");
}

static void malformed(void **state)
{
  (void)state;
  begin(1);
  record(X, ns_t_txt, 1, "\3ab", 3);
  assert_string_equal(of(), "!");
  begin(2);
  record(X, ns_t_cname, 1, Z, 5);
  record(Z, ns_t_cname, 1, X, 5);
  assert_string_equal(of(), "!");
  begin(1);
  record(X, ns_t_txt, 1, "\3abc", 4);
  for (size_t n = len; --n;) {
    len = n;
    assert_string_equal(of(), "!");
  }
}

static void large(void **state)
{
  (void)state;
  static unsigned char data[65000];
  for (size_t i = 0; i < sizeof data; i += 250) data[i] = 249;
  begin(1);
  record(X, ns_t_txt, 1, data, sizeof data);
  assert_string_equal(of(), "[]");
  assert_int_equal(longest, sizeof data - sizeof data / 250);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(texts), cmocka_unit_test(malformed), cmocka_unit_test(large) };
  return cmocka_run_group_tests(tests, 0, 0);
}
