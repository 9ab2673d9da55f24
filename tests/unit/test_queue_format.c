/* lib/queue: what a message file may hold besides addresses; files of the older format. */
#include "queue_file.h"
#include "queue_old.h"
#include "queue/trailer.h"

/* Parameters and letters: what is written comes back, and the digest holds whatever the letters are. */
static void parameters(void **state)
{
  static char const envelope[] = "Fa@b\0PRET=FULL\0Tc@d\0Te@f\0PNOTIFY=NEVER\0Tg@h\0";
  static char const *const want[] = { "c@d", "", "e@f", "NOTIFY=NEVER", "g@h", "" };
  static enum store_letter const letters[] = { STORE_WARNED, STORE_OWED, STORE_DONE };
  struct store_message m;
  message("x\n", 2, envelope, sizeof envelope - 1);
  for (unsigned round = 0; round < 3; round++) {
    size_t pos = 0, at, last_at = 0;
    unsigned n = 0;
    int done;
    assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
    assert_string_equal(store_params(&m, 0), "RET=FULL");
    for (char const *address; (address = store_recipient(&m, &pos, &done, &at)); n++) {
      assert_in_range(n, 0, 2);
      assert_string_equal(address, want[2 * n]);
      assert_string_equal(store_params(&m, at), want[2 * n + 1]);
      assert_int_equal(m.envelope[at], round ? letters[n] : STORE_TODO);
      assert_int_equal(done, round && letters[n] == STORE_DONE);
      if (!round) assert_int_equal(store_note(&m, at, letters[n]), 0);
      assert_true(at > last_at);
      last_at = at;
    }
    assert_int_equal(n, 3);
    assert_int_equal(round == 1 ? store_settle(&m) : store_sync(&m), 0);
    store_close(&m);
  }
}

/* What stands in the trailer of the last message. */
static unsigned version(void)
{
  struct trailer t;
  size_t len;
  char *s = slurp(last, &len);
  assert_true(len >= STORE_TRAILER && trailer_scan(&t, s + len - STORE_TRAILER));
  free(s);
  return t.version;
}

/* Who knows 1 alone can read what has no parameters. */
static void written(void **state)
{
  struct { char const *s; size_t len; unsigned version; } const cases[] = {
    { "Fa@b\0Tc@d\0", 10, 1 }, { "FP@P\0TP\0TPP\0T\0", 14, 1 }, { "F\0", 2, 1 },
    { "Fa@b\0PRET=FULL\0Tc@d\0", 20, 2 }, { "Fa@b\0Tc@d\0PNOTIFY=NEVER\0", 24, 2 }, { "F\0P\0", 4, 2 },
  }, *c;
  EACH_CASE(c, cases)
    for (size_t piece = 1; piece <= c->len; piece++) {
      struct store_message m;
      message_by("x\n", 2, c->s, c->len, piece);
      CHECK(version() == c->version, "case %zu by %zu", i_, piece);
      CHECK(store_open(&m, last, 1) == STORE_WHOLE, "case %zu by %zu", i_, piece);
      store_close(&m);
      store_remove(last);
    }
}

/* A file as it was written before there were parameters. */
static void old_format(void **state)
{
  struct store_message m;
  size_t pos = 0, at;
  int done;
  memcpy(last, QUEUE_OLD_ID, sizeof last);
  spill(last, queue_old, sizeof queue_old - 1);
  for (int verify = 0; verify < 2; verify++) {
    assert_int_equal(store_open(&m, last, verify), STORE_WHOLE);
    store_close(&m);
  }
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
  assert_string_equal(store_sender(&m), "alice@example.com");
  assert_string_equal(store_params(&m, 0), "");
  assert_string_equal(store_recipient(&m, &pos, &done, &at), "bob@example.org");
  assert_false(done);
  assert_string_equal(store_params(&m, at), "");
  assert_int_equal(store_mark(&m, at), 0);
  assert_int_equal(store_sync(&m), 0);
  assert_string_equal(store_recipient(&m, &pos, &done, &at), "carol@example.net");
  assert_null(store_recipient(&m, &pos, &done, &at));
  store_close(&m);
  assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
  pos = 0;
  assert_string_equal(store_recipient(&m, &pos, &done, &at), "bob@example.org");
  assert_true(done);
  store_close(&m);
  store_remove(last);
}

/* It gets all letters that others get: a warning, a success to be reported. */
static void old_format_letters(void **state)
{
  static enum store_letter const letters[] = { STORE_WARNED, STORE_OWED, STORE_DONE };
  struct store_message m;
  memcpy(last, QUEUE_OLD_ID, sizeof last);
  spill(last, queue_old, sizeof queue_old - 1);
  for (unsigned i = 0; i < 3; i++) {
    size_t pos = 0, at;
    int done;
    assert_int_equal(store_open(&m, last, 1), STORE_WHOLE);
    assert_non_null(store_recipient(&m, &pos, &done, &at));
    assert_int_equal(store_note(&m, at, letters[i]), 0);
    assert_int_equal(store_sync(&m), 0);
    store_close(&m);
    for (int verify = 0; verify < 2; verify++) {
      assert_int_equal(store_open(&m, last, verify), STORE_WHOLE);
      assert_int_equal(m.envelope[at], letters[i]);
      pos = 0;
      assert_string_equal(store_recipient(&m, &pos, &done, &at), "bob@example.org");
      assert_int_equal(done, letters[i] == STORE_DONE);
      store_close(&m);
    }
  }
  assert_int_equal(version(), 1);
  store_remove(last);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(parameters), cmocka_unit_test(written),
    cmocka_unit_test(old_format), cmocka_unit_test(old_format_letters),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
