/* relay-ask as its asker sees it, played by shell scripts: kept for the session, killed and reaped when it misbehaves,
 * started anew but not for ever. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit.h"
#include "ask/ask.h"
#include "base/io.h"

static char script[] = "/tmp/posthouse-ask-XXXXXX";
static struct ask a;
static struct ask_answer got;

static void becomes(char const *text)
{
  int fd = open(script, O_WRONLY | O_TRUNC | O_CLOEXEC);
  assert_true(fd >= 0);
  dprintf(fd, "#!/bin/sh\n%s\n", text);
  fchmod(fd, 0700);
  close(fd);
}

static void play(char const *text)
{
  becomes(text);
  ask_init(&a, 0);
}

static enum answer ask(char const *subject, int ms)
{
  memset(&got, 0xff, sizeof got);
  ask_question(&a, ASK_RECIPIENT, subject, io_now() + ms, &got);
  assert_true(memchr(got.text, 0, sizeof got.text) != 0);
  return got.state;
}

static int nobody_left(void)
{
  return waitpid(-1, 0, WNOHANG) == -1 && errno == ECHILD;
}

/* Hangs up and waits for the program's end. */
static void leave(void)
{
  pid_t pid = a.pid;
  ask_close(&a);
  assert_true(!a.pid && a.fd < 0);
  if (pid) waitpid(pid, 0, 0);
  assert_true(nobody_left());
}

static void says(void **state)
{
  static struct { char const *line; enum answer answer; char const *text; } const cases[] = {
    { "yes", ANSWER_YES, "" }, { "no 550 5.1.1 who?", ANSWER_NO, "550 5.1.1 who?" },
    { "unknown 450 later", ANSWER_UNKNOWN, "450 later" },
  }, *c;
  EACH_CASE(c, cases) {
    char text[200];
    snprintf(text, sizeof text, "read w x; [ \"$w\" = recipient ] && [ \"$x\" = a@b.example ] && echo '%s'; cat",
      c->line);
    play(text);
    CHECK(ask("a@b.example", 5000) == c->answer && !strcmp(got.text, c->text), "%s: %s", c->line, got.text);
    assert_int_equal(a.failures, 0);
    leave();
  }
  play("read x; echo yes 192.0.2.1 ::2; cat");
  ask_question(&a, ASK_HOSTS, "b.example", io_now() + 5000, &got);
  assert_true(got.state == ANSWER_YES && got.n == 2 && got.ip[1].len == 16);
  leave();
}

static void kept(void **state)
{
  play("n=0; while read x; do n=$((n + 1)); echo no $n; done");
  assert_int_equal(a.pid, 0);
  for (int i = 1; i < 6; i++) {
    char number[8];
    snprintf(number, sizeof number, "%d", i);
    assert_int_equal(ask("a@b.example", 5000), ANSWER_NO);
    assert_string_equal(got.text, number);
  }
  leave();
  ask_close(&a);
}

/* Each is killed and reaped at once, and the next question starts another, up to ASK_FAILURES. */
static void misbehaves(void **state)
{
  static struct { char const *text, *says; int ms; } const cases[] = {
    { "exit 1", "relay-ask ", 5000 }, { "read x; exit 0", "ended without", 5000 },
    { "read x; echo", "no answer", 5000 }, { "read x; echo sure", "no answer", 5000 },
    { "read x; echo yes 192.0.2.1; cat", "no answer", 5000 },
    { "read x; printf 'yes\\nyes\\n'; cat", "no answer", 5000 },
    { "read x; printf yes", "ended without", 5000 }, { "read x; printf yes; exec sleep 60", "in time", 200 },
    { "read x; exec sleep 60", "in time", 200 }, { "exec sleep 60", "in time", 200 },
    { "trap '' TERM; read x; exec sleep 60", "in time", 200 }, { "read x; kill -9 $$", "ended without", 5000 },
    { "read x; head -c 100000 /dev/zero | tr '\\0' n; exec sleep 60", "no answer", 5000 },
  }, *c;
  EACH_CASE(c, cases) {
    int64_t before = io_now();
    play(c->text);
    CHECK(ask("a@b.example", c->ms) == ANSWER_UNKNOWN && strstr(got.text, c->says), "%s: %s", c->text, got.text);
    CHECK(a.pid == 0 && a.fd < 0 && a.failures == 1 && nobody_left(), "%s", c->text);
    CHECK(io_now() - before < 4000, "%s", c->text);
    becomes("read x; echo yes; cat");
    CHECK(ask("a@b.example", 5000) == ANSWER_YES, "%s", c->text);
    leave();
  }
}

static void gives_up(void **state)
{
  play("exit 1");
  for (int i = 0; i < ASK_FAILURES; i++) assert_int_equal(ask("a@b.example", 5000), ANSWER_UNKNOWN);
  becomes("read x; echo yes; cat");
  assert_int_equal(ask("a@b.example", 5000), ANSWER_UNKNOWN);
  assert_non_null(strstr(got.text, "too often"));
  assert_true(!a.pid && nobody_left());
}

static void cannot_start(void **state)
{
  ask_init(&a, 0);
  setenv("RELAYASK", "/nonexistent/relay-ask", 1);
  assert_int_equal(ask("a@b.example", 5000), ANSWER_UNKNOWN);
  assert_non_null(strstr(got.text, "No such file"));
  assert_true(!a.pid && a.failures == 1 && nobody_left());
  setenv("RELAYASK", script, 1);
  play("read x; echo yes; cat");
  assert_int_equal(ask("a\nrecipient b", 5000), ANSWER_UNKNOWN);
  assert_int_equal(ask("", 5000), ANSWER_UNKNOWN);
  assert_true(!a.pid && !a.failures); /* nothing was started for that */
}

/* It went, or spoke unasked, between two questions: the second is asked of another one. */
static void between(void **state)
{
  static char const *const texts[] = { "read x; echo yes; exit 0", "read x; echo yes; sleep 0.05; echo yes; cat" };
  for (int i = 0; i < 2; i++) {
    play(texts[i]);
    assert_int_equal(ask("a@b.example", 5000), ANSWER_YES);
    becomes("read x; echo no; cat");
    usleep(200000);
    assert_int_equal(ask("a@b.example", 5000), ANSWER_NO);
    assert_int_equal(a.failures, 1);
    leave();
  }
}

/* What it inherits: 0 to 2 alone, SIGPIPE as usual, the environment without RELAYRULESFD, -r RULES. */
static void inherits(void **state)
{
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  assert_true(fd > 2);
  setenv("RELAYRULESFD", "5", 1);
  setenv("RELAYRULES", "/some/rules", 1);
  becomes("read x; set -- \"$#\" \"$1\" \"$2\" \"${RELAYRULESFD-none}\" $RELAYRULES; "
    "for f in /proc/$$/fd/*; do case $f in */[012]|*/10|*/255) ;; *) [ ! -e $f ] || set -- \"$@\" \"$f\" ;; esac; "
    "done; set -- \"$@\" $(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status); echo no $*; cat");
  ask_init(&a, "/rules of/mine");
  assert_int_equal(ask("a@b.example", 5000), ANSWER_NO);
  assert_true(!strncmp(got.text, "2 -r /rules of/mine none /some/rules ", 37));
  char *end;
  unsigned long long ignored = strtoull(got.text + 37, &end, 16);
  CHECK(!*end && !(ignored & 1ULL << (SIGPIPE - 1)), "%s", got.text);
  leave();
  ask_init(&a, 0);
  assert_int_equal(ask("a@b.example", 5000), ANSWER_NO);
  CHECK(!strncmp(got.text, "0 none /some/rules ", 19), "%s", got.text);
  leave();
  close(fd);
}

int main(void)
{
  int fd = mkostemp(script, O_CLOEXEC);
  if (fd < 0) return 111;
  for (int i = 3; i < 1024; i++) close(i); /* what we were given is none of ask's business */
  setenv("RELAYASK", script, 1);
  signal(SIGPIPE, SIG_IGN);
  alarm(60);
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(says), cmocka_unit_test(kept), cmocka_unit_test(misbehaves), cmocka_unit_test(gives_up),
    cmocka_unit_test(cannot_start), cmocka_unit_test(between), cmocka_unit_test(inherits),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  unlink(script);
  return r;
}
