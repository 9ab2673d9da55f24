/* The qmail-queue protocol, the caller's side, against small shell programs that show what they were given. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/io.h"
#include "queue/inject.h"

#define SOON 20000 /* milliseconds: a deadline that no case should come near to */

static char dir[] = "/tmp/test_inject.XXXXXX";
static char program[64];

static int make_dir(void **state)
{
  (void)state;
  for (int fd = 3; fd < 256; fd++) close(fd); /* what our own parent left open is not ours */
  inject_signals();
  if (!mkdtemp(dir)) return -1;
  snprintf(program, sizeof program, "%s/program", dir);
  setenv("DIR", dir, 1);
  setenv("RELAYRULESFD", "17", 1);
  setenv("RELAYID", "stale", 1);
  setenv("RELAYUTF8", "stale", 1);
  setenv("RELAYDSNFD", "stale", 1);
  return 0;
}

static int remove_dir(void **state)
{
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", dir);
  return system(command);
}

/* Makes the program from a shell text. */
static char const *script(char const *text)
{
  unlink(program);
  FILE *f = fopen(program, "w");
  assert_non_null(f);
  fprintf(f, "#!/bin/sh\n%s\n", text);
  assert_int_equal(fclose(f), 0);
  assert_int_equal(chmod(program, 0700), 0);
  return program;
}

static void written(char const *name, char const *want, size_t len)
{
  char path[128], *got;
  size_t n;
  snprintf(path, sizeof path, "%s/%s", dir, name);
  assert_int_equal(io_slurp(path, 1 << 24, &got, &n), 0);
  assert_int_equal(n, len);
  assert_memory_equal(got, want, len);
  free(got);
}

static unsigned descriptors(void)
{
  unsigned n = 0;
  DIR *d = opendir("/proc/self/fd");
  assert_non_null(d);
  while (readdir(d)) n++;
  closedir(d);
  return n;
}

static void run(struct inject_result *r, char const *text, char const *body, size_t len, int64_t milliseconds)
{
  struct inject q;
  unsigned before = descriptors();
  sigset_t mask;
  assert_int_equal(inject_start(&q, script(text), "0123", 0), 0);
  inject_body(&q, body, len, io_now() + milliseconds);
  inject_finish(&q, "f@x", "t@y\0u@z", 8, io_now() + milliseconds, r);
  assert_int_equal(q.pid, 0);
  assert_int_equal(descriptors(), before);
  sigprocmask(SIG_SETMASK, 0, &mask);
  assert_false(sigismember(&mask, SIGCHLD));
}

static void test_message(void **state)
{
  (void)state;
  struct inject q;
  struct inject_result r;
  char want[64];
  assert_int_equal(inject_start(&q, script("cat >$DIR/body; cat <&1 >$DIR/envelope;"
    "echo \"$RELAYID,$RELAYUTF8,$RELAYRULESFD,$RELAYDSNFD\" >$DIR/environment; cat /proc/self/fd/7 >$DIR/sheet;"
    "for fd in 3 4 5 8 9; do [ -e /proc/$$/fd/$fd ] && echo $fd; done >$DIR/descriptors; true"),
    "0123456789abcdef012345", 1), 0);
  inject_sheet(&q, "F\0RET=HDRS\0", 11);
  inject_body(&q, "a: b\n", 5, io_now() + SOON);
  inject_body(&q, "\n\0\xff", 3, io_now() + SOON);
  inject_finish(&q, "", "t@y\0u@z", 8, io_now() + SOON, &r);
  assert_int_equal(r.code, 0);
  assert_int_equal(r.kind, 0);
  assert_string_equal(r.text, "");
  written("body", "a: b\n\n\0\xff", 8);
  written("envelope", "F\0Tt@y\0Tu@z\0", 13);
  snprintf(want, sizeof want, "0123456789abcdef012345,1,,7\n");
  written("environment", want, strlen(want));
  written("sheet", "F\0RET=HDRS\0", 11);
  written("descriptors", "", 0); /* from 10 on they are the shell's own */
  run(&r, "cat >/dev/null; echo \"$RELAYID,$RELAYUTF8\" >$DIR/environment; cat /proc/self/fd/7 >$DIR/sheet",
    "", 0, SOON);
  written("environment", "0123,\n", 6);
  written("sheet", "", 0);
}

static void test_codes(void **state)
{
  (void)state;
  static struct { int code; char kind; } const cases[] = {
    { 0, 0 }, { 1, 'Z' }, { 10, 'Z' }, { 11, 'D' }, { 31, 'D' }, { 40, 'D' }, { 41, 'Z' }, { 51, 'Z' }, { 81, 'Z' },
    { 91, 'Z' }, { 111, 'Z' }, { 255, 'Z' },
  };
  struct inject_result r;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    snprintf(text, sizeof text, "cat >/dev/null; cat <&1 >/dev/null; echo Dignored >&6; exit %d", cases[i].code);
    run(&r, text, "x\n", 2, SOON);
    assert_int_equal(r.code, cases[i].code);
    assert_int_equal(r.kind, cases[i].kind);
    assert_string_equal(r.text, "");
  }
}

static void test_words(void **state)
{
  (void)state;
  static struct { char const *says; char kind; char const *text; } const cases[] = {
    { "printf 'Dno'", 'D', "no" },
    { "printf 'Z4.7.1 later\\n'", 'Z', "4.7.1 later" },
    { "printf 'Dtwo\\r\\nlines\\0cut'", 'D', "two  lines" },
    { "printf 'D\\303\\274\\001\\177x'", 'D', "\\xc3\\xbc  x" },
    { "printf 'Kfine'", 'Z', "" },
    { "printf ''", 'Z', "" },
    { "printf 'D'", 'D', "" },
  };
  struct inject_result r;
  char text[256];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(text, sizeof text, "cat >/dev/null; cat <&1 >/dev/null; %s >&6; exit 82", cases[i].says);
    run(&r, text, "x\n", 2, SOON);
    assert_int_equal(r.code, 82);
    assert_int_equal(r.kind, cases[i].kind);
    assert_string_equal(r.text, cases[i].text);
  }
  /* More than its pipe holds: it is read while we wait, and cut. */
  run(&r, "cat >/dev/null; cat <&1 >/dev/null; head -c 300000 /dev/zero | tr '\\0' D >&6; exit 82", "x\n", 2, SOON);
  assert_int_equal(r.code, 82);
  assert_int_equal(r.kind, 'D');
  assert_true(strlen(r.text) > INJECT_TEXT - 8 && strspn(r.text, "D") == strlen(r.text));
}

static void test_failures(void **state)
{
  (void)state;
  static char big[1 << 20];
  struct inject_result r;
  memset(big, 'x', sizeof big);
  run(&r, "kill -9 $$", "x\n", 2, SOON);
  assert_int_equal(r.code, INJECT_CRASHED);
  assert_int_equal(r.kind, 'Z');
  run(&r, "cat >/dev/null; kill -9 $$", big, sizeof big, SOON);
  assert_int_equal(r.code, INJECT_CRASHED);
  run(&r, "kill -PIPE $$; exit 0", "", 0, SOON); /* SIGPIPE is in its default state there */
  assert_int_equal(r.code, INJECT_CRASHED);
  run(&r, "exec <&-; exit 31", big, sizeof big, SOON); /* refuses early: the code counts */
  assert_int_equal(r.code, 31);
  assert_int_equal(r.kind, 'D');
  run(&r, "exit 0", big, sizeof big, SOON); /* success without the message is none */
  assert_int_equal(r.code, INJECT_CRASHED);
  int64_t before = io_now();
  run(&r, "exec sleep 60", "x\n", 2, 300);
  assert_int_equal(r.code, INJECT_TIMEOUT);
  assert_int_equal(r.kind, 'Z');
  run(&r, "exec sleep 60", big, sizeof big, 300);
  assert_int_equal(r.code, INJECT_TIMEOUT);
  run(&r, "exec sleep 60 6>&- <&- >&-", "", 0, 300); /* closed pipes are no exit */
  assert_int_equal(r.code, INJECT_TIMEOUT);
  assert_true(io_now() - before < 10000);
}

static void test_large(void **state)
{
  (void)state;
  enum { N = 1000, LEN = 900 };
  static char recipients[N * LEN], want[N * (LEN + 1) + 4], address[3000];
  struct inject q;
  struct inject_result r;
  memset(recipients, 'r', sizeof recipients);
  memcpy(want, "F", 2);
  for (size_t i = 0; i < N; i++) {
    recipients[(i + 1) * LEN - 1] = 0;
    want[2 + i * (LEN + 1)] = 'T';
    memcpy(want + 3 + i * (LEN + 1), recipients + i * LEN, LEN);
  }
  assert_int_equal(inject_start(&q, script("cat >/dev/null; sleep 0.2; cat <&1 >$DIR/envelope"), "0", 0), 0);
  inject_finish(&q, "", recipients, sizeof recipients, io_now() + SOON, &r);
  assert_int_equal(r.code, 0);
  written("envelope", want, 2 + N * (LEN + 1) + 1);
  for (size_t n = sizeof address - 1; n > 500; n -= 499) { /* around the buffer's size and beyond */
    memset(address, 'a', n);
    address[n] = 0;
    snprintf(want, sizeof want, "F%s", address);
    want[n + 2] = 'T';
    memcpy(want + n + 3, address, n + 1);
    want[2 * n + 4] = 0;
    assert_int_equal(inject_start(&q, script("cat >/dev/null; cat <&1 >$DIR/envelope"), "0", 0), 0);
    inject_finish(&q, address, address, n + 1, io_now() + SOON, &r);
    assert_int_equal(r.code, 0);
    written("envelope", want, 2 * n + 5);
  }
}

static void test_abort(void **state)
{
  (void)state;
  struct inject q = { 0 };
  unsigned before = descriptors();
  inject_abort(&q); /* none runs */
  assert_int_equal(inject_start(&q, script("cat >$DIR/body; cat <&1 >$DIR/envelope; echo gone >$DIR/gone"), "0", 0), 0);
  inject_body(&q, "x\n", 2, io_now() + SOON);
  inject_abort(&q);
  written("body", "x\n", 2);
  written("envelope", "", 0);
  written("gone", "gone\n", 5); /* it had gone when we returned */
  inject_abort(&q);
  assert_int_equal(inject_start(&q, script("trap '' TERM; exec sleep 60"), "0", 0), 0);
  int64_t began = io_now();
  inject_abort(&q);
  assert_true(io_now() - began >= 2 * INJECT_ABORT_TIME - 100 && io_now() - began < 2 * INJECT_ABORT_TIME + 5000);
  assert_int_equal(descriptors(), before);
}

/* The deadline: first a signal that can be caught, and what the program says behind it counts. */
static void test_late(void **state)
{
  (void)state;
  struct inject_result r;
  int64_t began = io_now();
  /* queued just when the deadline came: to say anything else would double the message */
  run(&r, "trap 'exit 0' TERM; cat >/dev/null; cat <&1 >/dev/null; while :; do sleep 0.05; done", "x\n", 2, 300);
  assert_int_equal(r.code, 0);
  assert_int_equal(r.kind, 0);
  run(&r, "trap 'exit 31' TERM; while :; do sleep 0.05; done", "x\n", 2, 300);
  assert_int_equal(r.code, 31);
  assert_true(io_now() - began < INJECT_ABORT_TIME);
  began = io_now();
  run(&r, "trap '' TERM; while :; do sleep 0.05; done", "x\n", 2, 300);
  assert_int_equal(r.code, INJECT_TIMEOUT);
  assert_true(io_now() - began >= INJECT_ABORT_TIME && io_now() - began < 2 * INJECT_ABORT_TIME);
}

static int exists(char const *name)
{
  char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return !access(path, F_OK);
}

static void forget(char const *name)
{
  char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  unlink(path);
}

/* A shell that does not exec, and a pipeline whose last part would queue the message: none of it outlives a verdict
 * other than success. */
static void test_group(void **state)
{
  (void)state;
  static struct { char const *text; int code; int64_t milliseconds; } const cases[] = {
    { "exec 3<&1; (cat; sleep 1.5) | (cat >/dev/null; cat <&3 >/dev/null; echo >$DIR/queued); true",
      INJECT_TIMEOUT, 300 },
    { "exec 3<&1; (sleep 1.5; cat <&3 >/dev/null; echo >$DIR/queued) & kill -9 $$", INJECT_CRASHED, SOON },
    { "exec 3<&1; (sleep 1.5; cat <&3 >/dev/null; echo >$DIR/queued) & exit 31", 31, SOON },
    { "trap '' TERM; exec 3<&1; (sleep 7; cat <&3 >/dev/null; echo >$DIR/queued) & trap - TERM; sleep 60",
      INJECT_TIMEOUT, 300 },
  };
  struct inject_result r;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    forget("queued");
    int64_t began = io_now();
    run(&r, cases[i].text, "x\n", 2, cases[i].milliseconds);
    assert_int_equal(r.code, cases[i].code);
    if (i < 3) assert_true(io_now() - began < 1200);
    usleep(i < 3 ? 2000000 : 3000000);
    assert_false(exists("queued"));
  }
  /* After success its helpers may finish what they do. */
  run(&r, "cat >/dev/null; cat <&1 >/dev/null; (sleep 0.3; echo >$DIR/queued) & exit 0", "x\n", 2, SOON);
  assert_int_equal(r.code, 0);
  usleep(1000000);
  assert_true(exists("queued"));
}

static void test_start(void **state)
{
  (void)state;
  struct inject q;
  struct inject_result r;
  unsigned before = descriptors();
  unlink(program);
  assert_int_equal(inject_start(&q, program, "0", 0), -1);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(descriptors(), before);
  inject_body(&q, "x", 1, io_now() + SOON);
  inject_finish(&q, "", "", 0, io_now() + SOON, &r);
  assert_int_equal(r.kind, 'Z');
  inject_abort(&q);
  assert_int_equal(inject_start(&q, dir, "0", 0), -1);
  assert_int_equal(errno, EACCES);
  setenv("QMAILQUEUE", script("exit 35"), 1);
  assert_int_equal(inject_start(&q, 0, "0", 0), 0);
  inject_finish(&q, "", "", 0, io_now() + SOON, &r);
  assert_int_equal(r.code, 35);
  assert_int_equal(descriptors(), before);
}

/* Orphans are reaped here: not every container's first process does so, and a zombie still counts in its group. */
static void reap_orphans(void)
{
  int status;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid_t tests = fork(), p;
  if (!tests) return;
  while ((p = wait(&status)) > 0)
    if (p == tests) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 111);
  _exit(111);
}

int main(void)
{
  reap_orphans();
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_message), cmocka_unit_test(test_codes), cmocka_unit_test(test_words),
    cmocka_unit_test(test_failures), cmocka_unit_test(test_large), cmocka_unit_test(test_abort),
    cmocka_unit_test(test_late), cmocka_unit_test(test_group),
    cmocka_unit_test(test_start),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
