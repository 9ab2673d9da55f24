/* lib/queue: the sheet, and what comes of it in the message's file. */
#include <sys/mman.h>
#include "queue_dir.h"
#include "queue/sheet.h"
#include "unit.h"

#define BYTES(s) s, sizeof s - 1
#define SHEET "Fa@b\0RET=HDRS ENVID=x\0Tz@d\0NOTIFY=NEVER\0Tc@d\0NOTIFY=SUCCESS\0Eall@d\0NOTIFY=SUCCESS\0"

static int setup(void **state)
{
  return queue_dir_make();
}

static int teardown(void **state)
{
  return queue_dir_remove();
}

static void take(struct sheet *t, char const *s, size_t len)
{
  char *copy = malloc(len + 1);
  memcpy(copy, s, len);
  assert_int_equal(sheet_take(t, copy, len), 0);
}

static void lines(void **state)
{
  struct sheet t;
  take(&t, BYTES(SHEET));
  assert_string_equal(sheet_rcpt(&t, "c@d"), ""); /* the sender was not told yet */
  assert_string_equal(sheet_mail(&t, "a@b"), "RET=HDRS ENVID=x");
  assert_string_equal(sheet_rcpt(&t, "c@d"), "NOTIFY=SUCCESS");
  assert_string_equal(sheet_rcpt(&t, "z@d"), "NOTIFY=NEVER");
  assert_string_equal(sheet_rcpt(&t, "C@d"), "");
  assert_string_equal(sheet_rcpt(&t, "all@d"), ""); /* an alias is no recipient */
  assert_string_equal(sheet_mail(&t, "other@b"), "");
  assert_string_equal(sheet_rcpt(&t, "c@d"), "");
  sheet_free(&t);
}

static void no_sheets(void **state)
{
  struct { char const *s; size_t len; } const cases[] = {
    { BYTES("") }, { BYTES("F") }, { BYTES("Fa@b\0") }, { BYTES("Fa@b\0RET=FULL") }, { BYTES("Tc@d\0NOTIFY=NEVER\0") },
    { BYTES("Fa@b\0RET=full\0") }, { BYTES("Fa@b\0\0Fa@b\0\0") }, { BYTES("Fa@b\0\0Tc@d\0") },
    { BYTES("Fa@b\0\0Tc@d\0EXPANDED\0") }, { BYTES("Fa@b\0\0Tc@d\0RET=FULL\0") },
    { BYTES("Fa@b\0\0Xc@d\0NOTIFY=NEVER\0") },
    { BYTES("Fa@b\0\0\0") }, { BYTES("Subject: x\n\n") },
  }, *c;
  struct sheet t;
  EACH_CASE(c, cases) {
    take(&t, c->s, c->len);
    CHECK(!t.text && !*sheet_mail(&t, "a@b") && !*sheet_rcpt(&t, "c@d"), "case %zu", i_);
    sheet_free(&t);
  }
}

static void descriptor(void **state)
{
  struct { char const *value; int fd; } const cases[] = {
    { "7", 7 }, { "3", 3 }, { "2", -1 }, { "0", -1 }, { "-1", -1 }, { "x", -1 }, { "", -1 }, { "70000", -1 },
    { "7 ", -1 },
  }, *c;
  EACH_CASE(c, cases) {
    setenv(SHEET_VARIABLE, c->value, 1);
    CHECK(sheet_descriptor() == c->fd, "%s", c->value);
  }
  unsetenv(SHEET_VARIABLE);
  assert_int_equal(sheet_descriptor(), -1);
}

static void files(void **state)
{
  struct sheet t;
  int p[2], fd = memfd_create("sheet", 0);
  assert_true(fd >= 0 && !pipe(p));
  assert_int_equal(sheet_read(&t, fd), 0); /* empty */
  assert_null(t.text);
  assert_int_equal(write(fd, BYTES(SHEET)), sizeof SHEET - 1); /* and at its end */
  assert_int_equal(sheet_read(&t, fd), 0);
  assert_string_equal(sheet_mail(&t, "a@b"), "RET=HDRS ENVID=x");
  sheet_free(&t);
  static int const others[] = { -1, 12345 };
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(sheet_read(&t, i < 2 ? others[i] : p[0]), 0); /* a pipe must not make us wait */
    assert_null(t.text);
  }
  close(fd);
  close(p[0]);
  close(p[1]);
}

/* Whatever pieces the envelope comes in. */
static void envelope(void **state)
{
  static char const in[] = "Fa@b\0Tc@d\0Tx@y\0Tz@d\0";
  static char const want[] = "Fa@b\0PRET=HDRS ENVID=x\0Tc@d\0PNOTIFY=SUCCESS\0Tx@y\0Tz@d\0PNOTIFY=NEVER\0"
    "Tall@d\0PEXPANDED NOTIFY=SUCCESS\0";
  for (size_t piece = 1; piece < sizeof in; piece++) {
    char id[STORE_ID + 1];
    struct store_message m;
    struct sheet t;
    take(&t, BYTES(SHEET));
    store_id(id);
    struct store_writer *w = store_create(id);
    assert_non_null(w);
    for (size_t i = 0; i < sizeof in - 1; i += piece) {
      size_t n = sizeof in - 1 - i < piece ? sizeof in - 1 - i : piece;
      assert_int_equal(sheet_envelope(&t, w, in + i, n), 0);
    }
    assert_int_equal(sheet_aliases(&t, w), 0);
    assert_int_equal(store_commit(w, 0), 0);
    store_release(w);
    assert_int_equal(store_open(&m, id, 1), STORE_WHOLE);
    assert_int_equal(m.envelope_len, sizeof want - 1);
    assert_memory_equal(m.envelope, want, sizeof want - 1);
    store_close(&m);
    store_remove(id);
    sheet_free(&t);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(lines), cmocka_unit_test(no_sheets), cmocka_unit_test(descriptor), cmocka_unit_test(files),
    cmocka_unit_test(envelope),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
