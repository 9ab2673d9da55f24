/* Slots: two formats, change, many processes at once. (What the file must be, damage and collisions:
 * test_answer_cache.) */
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
    slots_open(&own, path, "changes"); /* the lock is of the open file */
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

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(formats), cmocka_unit_test(changes) };
  return cmocka_run_group_tests(tests, setup, teardown);
}
