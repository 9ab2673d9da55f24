/* rules.cdb cut in place while it is open. Not with test_table: its double of the map is no map of the file. */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include "unit.h"
#include "table/damage.h"
#include "table/table.h"

static struct row {
  enum table which;
  char const *key, *data;
} const rows[] = {
  { TABLE_ME, "", "relay.example" }, { TABLE_DOMAINS, "hosted.example", "any" }, { TABLE_CLIENTS, "192.0.2.1", "D" },
  { TABLE_CLIENTS, "", "D" }, { TABLE_RELAY, "grant clients", "" }, { TABLE_LIMITS, "size", "1000" },
};

static int example(void)
{
  char path[] = "/tmp/test_damage.XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  unlink(path);
  struct table_builder *b = table_build(fd);
  assert_non_null(b);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(table_add(b, rows[i].which, rows[i].key, strlen(rows[i].key), 1, rows[i].data,
      strlen(rows[i].data)), 0);
  assert_int_equal(table_finish(b), 0);
  return fd;
}

/* Cut while it is open: what can't be found any more is damage, not absence. */
static void cut_in_place(void **state)
{
  struct stat st;
  struct record r;
  int fd = example(), lost = 0;
  struct table_set *t = table_open_fd(fd);
  assert_non_null(t);
  assert_int_equal(fstat(fd, &st), 0);
  assert_int_equal(table_find(t, TABLE_DOMAINS, "other.example", 13, &r), 0);
  assert_true(st.st_size < 4096); /* one page: no SIGBUS before it is empty */
  for (off_t size = st.st_size - 1; size > 0; size -= 7) {
    assert_int_equal(ftruncate(fd, size), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      int found = table_find(t, rows[i].which, rows[i].key, strlen(rows[i].key), &r);
      assert_int_not_equal(found, 0);
      if (found < 0) lost++;
      else assert_memory_equal(r.data, rows[i].data, strlen(rows[i].data));
    }
    assert_int_equal(table_find(t, TABLE_DOMAINS, "other.example", 13, &r), -1);
  }
  assert_true(lost > 100);
  table_close(t);
  close(fd);
}

static char *said(int fd)
{
  static char line[200];
  ssize_t n = read(fd, line, sizeof line - 1);
  line[n > 0 ? n : 0] = 0;
  return line;
}

/* Cut to nothing: a look-up ends the process, with its last words and 111. */
static void damage(void **state)
{
  int fd = example(), out[2], err[2], status;
  assert_int_equal(pipe(out), 0);
  assert_int_equal(pipe(err), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (!pid) {
    struct record r;
    PROG = "relay-x";
    dup2(out[1], 1);
    dup2(err[1], 2);
    struct table_set *t = table_open_fd(fd);
    if (!t || table_on_damage(DAMAGE_SMTP) < 0 || ftruncate(fd, 0) < 0) _exit(1);
    table_find(t, TABLE_ME, "", 0, &r);
    _exit(2);
  }
  close(out[1]);
  close(err[1]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 111);
  assert_string_equal(said(out[0]), DAMAGE_SMTP);
  assert_string_equal(said(err[0]), "relay-x: event=failed why=damaged-rules\n");
  close(out[0]);
  close(err[0]);
  close(fd);
}

int main(void)
{
  struct CMUnitTest const tests[] = { cmocka_unit_test(cut_in_place), cmocka_unit_test(damage) };
  return cmocka_run_group_tests(tests, 0, 0);
}
