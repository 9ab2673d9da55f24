/* Checkers that answer, fail, are late, and say more than they may: shell scripts. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "unit.h"
#include "base/io.h"
#include "checker/attributes.h"
#include "checker/checker.h"
#include "queue/inject.h"

static struct checker c;

/* Runs a script; asks it `s`. */
static struct checker_answer run(enum checker_mechanism m, char const *script, char const *s, size_t n, int64_t wait)
{
  char const *argv[] = { "sh", "-c", script, 0 };
  struct checker_answer a = { .code = 77 };
  assert_int_equal(checker_start(&c, argv, m), 0);
  checker_ask(&c, s, n);
  checker_finish(&c, io_now() + wait, &a);
  assert_true(!c.pid && c.ask < 0 && c.attributes < 0 && !c.said.s);
  return a;
}

static void codes(void **state)
{
  static struct { char const *script; int code; char const *why; } const cases[] = {
    { "exit 0", 0, 0 }, { "exit 1", 1, 0 }, { "exit 2", 2, 0 }, { "exit 3", 3, "exit-code" },
    { "exit 111", 111, "exit-code" },
    { "kill -9 $$", -1, "killed" }, { "kill -15 $$", -1, "killed" }, { "exec 3<&- 4>&-; exit 1", 1, 0 },
    { "sleep 30 & exit 1", 1, 0 }, { "printf x >&4", -1, "attributes" }, { "printf 'a=b\\0' >&4", -1, "attributes" },
    { "printf 'relay=0\\0relay' >&4; exit 1", -1, "attributes" },
    { "dd if=/dev/zero bs=1000 count=100 >&4 2>/dev/null", -1, "attributes" }, { "echo out; echo; exit 1", 1, 0 },
  }, *p;
  EACH_CASE(p, cases) {
    struct checker_answer a = run(CHECKER_PLAIN, p->script, "u\0p\0\0", 5, 10000);
    CHECK(a.code == p->code && (p->why ? a.why && !strcmp(a.why, p->why) : !a.why), "%s: %d, %s", p->script, a.code,
      a.why ? a.why : "-");
    CHECK(!a.bound && !a.no_relay && !*a.user, "%s", p->script);
    stralloc_free(&a.from);
  }
}

static void what_it_gets(void **state)
{
  setenv("RELAYAUTHFD", "9", 1);
  setenv("RELAYAUTHMECH", "OLD", 1);
  setenv("RELAYRULESFD", "5", 1);
  struct checker_answer a = run(CHECKER_CRAM_MD5,
    "[ \"$RELAYAUTHFD $RELAYAUTHMECH\" = '4 CRAM-MD5' ] && [ ! \"$RELAYRULESFD\" ] && "
    "[ \"$(od -An -c <&3 | tr -d ' ')\" = 'u\\0p\\0m\\0' ] && [ ! -t 0 ] && [ \"$(wc -c)\" -eq 0 ]",
    "u\0p\0m", 6, 10000);
  assert_int_equal(a.code, 0);
  a = run(CHECKER_CANARY, "[ ! \"${RELAYAUTHMECH+x}\" ] && [ $(wc -c <&3) -eq 0 ] && exit 2", 0, 0, 10000);
  assert_int_equal(a.code, 2);
  unsetenv("RELAYAUTHFD");
  unsetenv("RELAYAUTHMECH");
  unsetenv("RELAYRULESFD");
  assert_null(getenv("RELAYAUTHFD"));
  char const *none[] = { "/nonexistent/checker", 0 };
  assert_true(checker_start(&c, none, CHECKER_PLAIN) < 0 && errno == ENOENT && !c.pid);
  checker_finish(&c, io_now(), &a);
  assert_true(a.code == -1 && !strcmp(a.why, "not-started"));
  checker_abort(&c);
}

static void late(void **state)
{
  int64_t before = io_now();
  struct checker_answer a = run(CHECKER_PLAIN, "trap '' TERM; sleep 30", "u\0p\0", 4, 200);
  assert_true(a.code == -1 && !strcmp(a.why, "late") && io_now() - before < 3000);
  char const *argv[] = { "sleep", "30", 0 };
  assert_int_equal(checker_start(&c, argv, CHECKER_SCRAM_SHA_256), 0);
  before = io_now();
  char out[CHECKER_MESSAGE];
  assert_true(checker_exchange(&c, "n,,n=u,r=r", 10, out, io_now() + 100) < 0);
  checker_abort(&c);
  assert_true(!c.pid && io_now() - before < 3000);
}

static void said(void **state)
{
  struct checker_answer a = run(CHECKER_PLAIN,
    "printf 'user=Bob b\\0relay=0\\0from=a@b\\0from=@c\\0mechanisms=X EXTERNAL SCRAM-SHA-256\\0' >&4",
    "u\0p\0", 4, 10000);
  assert_true(a.code == 0 && a.no_relay && a.bound && a.from.len == 7);
  assert_memory_equal(a.from.s, "a@b\0@c", 7);
  assert_string_equal(a.user, "Bob b");
  assert_int_equal(a.mechanisms, 1U << CHECKER_EXTERNAL | 1U << CHECKER_SCRAM_SHA_256);
  stralloc_free(&a.from);
}

static void attributes(void **state)
{
  static struct { char const *in; size_t n; int ok; } const cases[] = {
#define A(text, ok) { text, sizeof text - 1, ok }
    A("", 1), A("relay=1\0", 1), A("mechanisms=\0", 1), A("mechanisms=A B\0", 1), A("user=a\0", 1), A("relay=1", 0),
      A("\0", 0),
    A("relay=\0", 0), A("relay=01\0", 0), A("relay\0", 0), A("user=\0", 0), A("user=a\nb\0", 0), A("user=a\x7f\0", 0),
    A("user=a\0user=b\0", 0), A("from=\0", 0), A("USER=a\0", 0), A("other=a\0", 0), A("user=a\0\0", 0),
      A("user=a\0x", 0),
  }, *p;
  EACH_CASE(p, cases) {
    struct checker_answer a = { .code = 0 };
    char *s = malloc(p->n ? p->n : 1);
    memcpy(s, p->in, p->n);
    CHECK(attributes_scan(&a, s, p->n) == p->ok, "case %zu", i_);
    stralloc_free(&a.from);
    free(s);
  }
  char name[CHECKER_USER + 8] = "user=";
  struct checker_answer a = { .code = 0 };
  memset(name + 5, 'u', CHECKER_USER - 1);
  assert_true(attributes_scan(&a, name, strlen(name) + 1));
  a = (struct checker_answer){ .code = 0 };
  name[strlen(name)] = 'u';
  assert_false(attributes_scan(&a, name, strlen(name) + 1));
}

/* Says back what it gets; then a length that is too large, half a length, and nothing. */
static void exchange(void **state)
{
  static struct { char const *script; size_t n; int ok; } const cases[] = {
    { "cat <&3 >&3", 10, 1 }, { "cat <&3 >&3", 0, 1 }, { "cat <&3 >&3", CHECKER_MESSAGE, 1 },
    { "cat <&3 >&3", CHECKER_MESSAGE + 1, 0 },
    { "printf '\\0\\0\\010\\001' >&3; sleep 5", 1, 0 }, { "printf '\\0\\0' >&3", 1, 0 }, { "exit 1", 1, 0 },
    { "printf '\\0\\0\\0\\003ab' >&3", 1, 0 },
  }, *p;
  EACH_CASE(p, cases) {
    char const *argv[] = { "sh", "-c", p->script, 0 };
    char in[CHECKER_MESSAGE + 1], out[CHECKER_MESSAGE];
    memset(in, 'x', sizeof in);
    assert_int_equal(checker_start(&c, argv, CHECKER_SCRAM_SHA_256), 0);
    for (int round = 0; round < 2; round++) {
      ssize_t n = checker_exchange(&c, in, p->n, out, io_now() + 5000);
      CHECK(n == (p->ok ? (ssize_t)p->n : -1), "%s: %zd", p->script, n);
      if (p->ok) assert_memory_equal(in, out, p->n);
    }
    checker_abort(&c);
    checker_abort(&c);
    assert_true(!c.pid && c.ask < 0);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(codes), cmocka_unit_test(what_it_gets), cmocka_unit_test(late), cmocka_unit_test(said),
    cmocka_unit_test(attributes), cmocka_unit_test(exchange),
  };
  inject_signals();
  return cmocka_run_group_tests(tests, 0, 0);
}
