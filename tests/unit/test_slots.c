/* Slots: two formats, change, many processes at once. (What the file must be, damage and collisions:
 * test_answer_cache.) */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit.h"
#include "slots/slots.h"

static char dir[] = "/tmp/posthouse-slots-XXXXXX", path[64];

static int setup(void **state)
{
  if (!mkdtemp(dir)) return -1;
  snprintf(path, sizeof path, "%s/file", dir);
  return 0;
}

static int teardown(void **state)
{
  unlink(path);
  return rmdir(dir);
}

static void formats(void **state)
{
  struct slots a, b;
  char data[SLOTS_DATA], in[SLOTS_DATA] = "twenty-three bytes here";
  assert_null(slots_open(&a, path, "one"));
  assert_null(slots_open(&b, path, "other"));
  slots_put(&a, "k\0x", 3, in);
  assert_true(slots_get(&a, "k\0x", 3, data));
  assert_memory_equal(data, in, sizeof in);
  assert_false(slots_get(&a, "k\0y", 3, data));
  assert_false(slots_get(&a, "k", 1, data));
  assert_false(slots_get(&b, "k\0x", 3, data));
  slots_close(&a);
  slots_close(&b);
  slots_close(&b);
  slots_put(&b, "k", 1, in);
  assert_false(slots_get(&b, "k", 1, data));
}

static int add(void *arg, char data[SLOTS_DATA])
{
  unsigned n;
  memcpy(&n, data, sizeof n);
  n += arg ? *(unsigned *)arg : 1;
  usleep(10);
  memcpy(data, &n, sizeof n);
  return arg == 0 || *(unsigned *)arg;
}

static void changes(void **state)
{
  struct slots s;
  char data[SLOTS_DATA];
  unsigned n, none = 0;
  assert_null(slots_open(&s, path, "changes"));
  for (int child = 0; child < 4; child++) {
    if (fork()) continue;
    struct slots own;
    slots_open(&own, path, "changes");
    for (int i = 0; i < 200; i++) slots_change(&own, "key", 3, &add, 0);
    _exit(0);
  }
  for (int child = 0; child < 4; child++) assert_true(wait(0) > 0);
  assert_true(slots_get(&s, "key", 3, data));
  memcpy(&n, data, sizeof n);
  assert_int_equal(n, 800);
  assert_false(slots_change(&s, "new", 3, &add, &none));
  assert_false(slots_get(&s, "new", 3, data));
  slots_close(&s);
  assert_false(slots_change(&s, "key", 3, &add, 0));
}

/* A memory without a name: who inherits it changes it in turn, too; it is known again by its number. */
static void memory(void **state)
{
  char data[SLOTS_DATA], number[20];
  unsigned n;
  struct slots s = { .fd = slots_memory(), .format = "memory" };
  assert_true(s.fd > 2);
  for (int child = 0; child < 4; child++) {
    if (fork()) continue;
    for (int i = 0; i < 200; i++) slots_change(&s, "key", 3, &add, 0);
    _exit(0);
  }
  for (int child = 0; child < 4; child++) assert_true(wait(0) > 0);
  assert_true(slots_get(&s, "key", 3, data));
  memcpy(&n, data, sizeof n);
  assert_int_equal(n, 800);
  snprintf(number, sizeof number, "%d", s.fd);
  assert_int_equal(slots_inherited(number), s.fd);
  assert_int_equal(ftruncate(s.fd, 0), -1);
  slots_forget(s.fd);
  slots_forget(-1);
  assert_false(slots_get(&s, "key", 3, data));
  int file = open(path, O_RDWR);
  snprintf(number, sizeof number, "%d", file);
  assert_int_equal(slots_inherited(number), -1); /* a file that others can cut */
  close(file);
  static char const *const none[] = { 0, "", "0", "-1", "x", "99999", "4294967299", "3x" };
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert_int_equal(slots_inherited(none[i]), -1);
  slots_close(&s);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(formats), cmocka_unit_test(changes), cmocka_unit_test(memory) };
  return cmocka_run_group_tests(tests, setup, teardown);
}
