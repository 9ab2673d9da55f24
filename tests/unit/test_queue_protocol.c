/* lib/queue: the envelope of qmail-queue(8), the jobs, the trigger. */
#include <errno.h>
#include <skalibs/stralloc.h>
#include "base/limits.h"
#include "queue_dir.h"
#include "queue/envelope.h"
#include "queue/job.h"
#include "queue/store.h"
#include "queue/wake.h"
#include "unit.h"

#define S(s) s, sizeof s - 1

struct envelope_case {
  char const *s;
  size_t len;
  enum envelope_state state;
  size_t used; /* bytes for the file */
};

static struct envelope_case const envelopes[] = {
  { S("Fa@b\0Tc@d\0\0"), ENVELOPE_END, 10 },
  { S("F\0Tc@d\0\0"), ENVELOPE_END, 7 },
  { S("F\0\0"), ENVELOPE_END, 2 },
  { S("Fa\0Tb\0Tc\0\0and more"), ENVELOPE_END, 9 },
  { S("Fa\0T\0\0"), ENVELOPE_END, 5 },
  { S("Fa\0TT\0TF\0\0"), ENVELOPE_END, 9 },
  { S(""), ENVELOPE_SENDER_TAG, 0 },
  { S("F"), ENVELOPE_SENDER, 1 },
  { S("Fa@b\0"), ENVELOPE_RECIPIENT_TAG, 5 },
  { S("Fa@b\0Tc"), ENVELOPE_RECIPIENT, 7 },
  { S("Fa@b\0Tc@d\0"), ENVELOPE_RECIPIENT_TAG, 10 },
  { S("Tc@d\0\0"), ENVELOPE_FORMAT, 0 },
  { S("\0"), ENVELOPE_FORMAT, 0 },
  { S("Fa\0Fb\0\0"), ENVELOPE_FORMAT, 3 },
  { S("Fa\0Db\0\0"), ENVELOPE_FORMAT, 3 },
  { S("Fa\0\nTb\0\0"), ENVELOPE_FORMAT, 3 },
};

static void envelope_cases(void **state)
{
  struct envelope_case const *c;
  EACH_CASE(c, envelopes)
    for (size_t piece = 1; piece <= c->len + 1; piece++) {
      struct envelope e = ENVELOPE_ZERO;
      size_t used = 0;
      for (size_t pos = 0; pos < c->len && e.state < ENVELOPE_END; pos += piece)
        used += envelope_feed(&e, c->s + pos, c->len - pos < piece ? c->len - pos : piece);
      CHECK(e.state == c->state && used == c->used, "case %zu by %zu: state %d used %zu", i_, piece, e.state, used);
    }
}

static void envelope_limit(void **state)
{
  char s[2 * LIMIT_ADDRESS + 16];
  for (unsigned which = 0; which < 2; which++)
    for (size_t len = LIMIT_ADDRESS; len <= LIMIT_ADDRESS + 1; len++)
      for (size_t piece = 1; piece < 1100; piece += 363) {
        struct envelope e = ENVELOPE_ZERO;
        size_t n = 0;
        s[n++] = 'F';
        if (which) { s[n++] = 0; s[n++] = 'T'; }
        memset(s + n, 'x', len);
        n += len;
        s[n++] = 0;
        if (!which) { s[n++] = 'T'; s[n++] = 0; }
        s[n++] = 0;
        for (size_t pos = 0; pos < n && e.state < ENVELOPE_END; pos += piece)
          envelope_feed(&e, s + pos, n - pos < piece ? n - pos : piece);
        enum envelope_state want = len > LIMIT_ADDRESS ? ENVELOPE_LONG : ENVELOPE_END;
        CHECK(e.state == want, "%u: %zu bytes by %zu: %d", which, len, piece, e.state);
      }
}

#define ID "0660d9bc60154600471c0f"

static void job_cases(void **state)
{
  struct { char const *s; size_t len; unsigned n; } const cases[] = {
    { S("12\0" "0\0" ID "\0a@b\0c@d\0"), 1 },
    { S("0\0" "3\0" ID "\0\0c@d\0e@f\0"), 2 },
    { S("12\0" "0\0" ID "\0a@b\0c@d\0\0RET=FULL ENVID=x\0\0"), 1 },
    { S("12\0" "0\0" ID "\0a@b\0c@d\0e@f\0\0\0\0NOTIFY=NEVER\0"), 2 },
    { S("9223372036854775807\0" "4294967295\0" ID "\0\0c\0"), 1 },
    { S("9223372036854775808\0" "0\0" ID "\0\0c\0"), 0 },
    { S("1\0" "4294967296\0" ID "\0\0c\0"), 0 },
    { S(""), 0 }, { S("\0"), 0 }, { S("12"), 0 }, { S("12\0"), 0 }, { S("12\0" "0\0"), 0 },
    { S("12\0" "0\0" ID "\0"), 0 }, { S("12\0" "0\0" ID "\0a@b\0"), 0 },            /* nobody */
    { S("12\0" "0\0" ID "\0a@b\0c@d"), 0 }, { S("12\0" "0\0" ID "\0a@b\0c@d\0\0"), 0 },
    { S("12\0" "0\0" ID "\0a@b\0\0"), 0 }, { S("12\0" "0\0" ID "\0a@b\0\0\0"), 0 },
    { S("12\0" "0\0" ID "\0a@b\0c@d\0\0\0"), 0 }, { S("12\0" "0\0" ID "\0a@b\0c@d\0\0\0\0\0"), 0 },
    { S("12\0" "0\0" ID "\0a@b\0c@d\0\0\0NOTIFY=NEVER"), 0 },
    { S("12\0" "0\0" ID "\0a@b\0c@d\0\0\0NOTIFY=NEVER\r\nDATA\0"), 0 },
    { S("12\0" "0\0" ID "\0a@b\0c@d\0\0RET=FULL\r\n\0\0"), 0 }, { S("12\0" "0\0" ID "\0a@b\0c@d\0\0\0EXPANDED\0"), 0 },
    { S("-1\0" "0\0" ID "\0a@b\0c@d\0"), 0 }, { S("+1\0" "0\0" ID "\0a@b\0c@d\0"), 0 },
    { S("1x\0" "0\0" ID "\0a@b\0c@d\0"), 0 },
    { S("1\0" "0\0" "../../etc/passwd\0a@b\0c@d\0"), 0 }, { S("1\0" "0\0" "\0a@b\0c@d\0"), 0 },
  }, *c;
  EACH_CASE(c, cases) {
    struct job j;
    int ok = job_scan(&j, c->s, c->len);
    CHECK(ok == (c->n > 0), "case %zu", i_);
    if (ok) CHECK(j.n == c->n && !strcmp(j.id, ID), "case %zu: %u recipients", i_, j.n);
  }
}

static void job_round_trip(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  struct job j;
  assert_true(job_head(&sa, 123456789012, STORE_FLAG_UTF8, ID, "sender@example.com"));
  assert_false(job_scan(&j, sa.s, sa.len));
  assert_true(stralloc_catb(&sa, "one\0two\0", 8));
  assert_true(job_scan(&j, sa.s, sa.len));
  assert_int_equal(j.body, 123456789012);
  assert_int_equal(j.flags, STORE_FLAG_UTF8);
  assert_string_equal(j.id, ID);
  assert_string_equal(j.sender, "sender@example.com");
  assert_string_equal(j.dsn, "");
  assert_null(j.dsn_each);
  assert_int_equal(j.n, 2);
  assert_memory_equal(j.recipients, "one\0two\0", 8);
  assert_true(stralloc_catb(&sa, "\0RET=HDRS\0NOTIFY=NEVER\0\0", 24));
  assert_true(job_scan(&j, sa.s, sa.len));
  assert_string_equal(j.dsn, "RET=HDRS");
  assert_int_equal(j.n, 2);
  assert_memory_equal(j.dsn_each, "NOTIFY=NEVER\0\0", 14);
  stralloc_free(&sa);
}

static void trigger(void **state)
{
  char line[64];
  errno = 4711;
  wake(ID); /* no FIFO */
  assert_int_equal(errno, 4711);
  assert_int_equal(mkfifo("trigger", 0600), 0);
  wake(ID); /* nobody reads */
  int fd = open("trigger", O_RDWR | O_NONBLOCK);
  assert_true(fd >= 0);
  wake(ID);
  assert_int_equal(read(fd, line, sizeof line), STORE_ID + 1);
  assert_memory_equal(line, ID "\n", STORE_ID + 1);
  while (write(fd, line, STORE_ID + 1) > 0);
  wake(ID); /* full: comes back */
  close(fd);
  assert_int_equal(errno, EAGAIN);
}

static int setup(void **state)
{
  return queue_dir_make();
}

static int teardown(void **state)
{
  return queue_dir_remove();
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(envelope_cases), cmocka_unit_test(envelope_limit), cmocka_unit_test(job_cases),
    cmocka_unit_test(job_round_trip), cmocka_unit_test(trigger),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
