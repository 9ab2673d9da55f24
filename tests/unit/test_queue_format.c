/* lib/queue: what a message file may hold besides addresses; files of the older format. */
#include "queue_dir.h"
#include "queue_old.h"
#include "queue/store.h"
#include "unit.h"

static int setup(void **state)
{
  return queue_dir_make();
}

static int teardown(void **state)
{
  return queue_dir_remove();
}

static char last[STORE_ID + 1];

static struct store_writer *begin(void)
{
  store_id(last);
  struct store_writer *w = store_create(last);
  assert_non_null(w);
  assert_string_equal(store_writer_id(w), last);
  return w;
}

/* Queues a message; its ID is in `last`. */
static void message(char const *body, size_t len, char const *envelope, size_t envelope_len)
{
  struct store_writer *w = begin();
  assert_int_equal(store_body(w, body, len), 0);
  assert_int_equal(store_envelope(w, envelope, envelope_len), 0);
  assert_int_equal(store_commit(w, STORE_FLAG_8BIT), 0);
  store_release(w);
}

static void spill(char const *id, char const *s, size_t len)
{
  char path[STORE_PATH];
  store_path(path, id);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, s, len), len);
  close(fd);
}

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

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(parameters), cmocka_unit_test(old_format) };
  return cmocka_run_group_tests(tests, setup, teardown);
}
