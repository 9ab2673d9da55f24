/* lib/conf: what POP-before-SMTP needs: the directory of stamps, relay-pop-check in the chains, the sweep's units. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <skalibs/djbunix.h>

#include "conf/make.h"
#include "conf/options.h"
#include "conf_made.h"
#include "conf_scratch.h"

static struct { char const *argv[MOST]; char const *wrong; /* null: right; else part of the words */ } const lines[] = {
  { { "stamps", "d" }, 0 }, { { "stamps", "d", "--stamp-group", "g" }, 0 }, { { "stamps", "d", "--one-user" }, 0 },
  { { "stamps" }, "where" }, { { "stamps", "d", "e" }, "too many: e" },
  { { "stamps", "d", "--stamp-group" }, "wants an argument" },
  { { "stamps", "d", "--stamp-group", "a b" }, "word" }, { { "stamps", "d", "--stamps", "d" }, "for other things" },
  { { "stamps", "d", "--queue-user", "u" }, "for other things" },
  { { "receive", "d", "--stamps", "s" }, 0 }, { { "xinetd", "d", "--stamps=s" }, 0 },
  { { "receive", "d", "--stamps" }, "wants an argument" }, { { "receive", "d", "--stamps", "" }, "wants a path" },
  { { "receive", "d", "--stamps", "a\nb" }, "line ends" },
  { { "receive", "d", "--stamps", "s", "--stamp-group", "g" }, "for other things" },
  { { "send", "d", "--stamps", "s" }, "for other things" }, { { "queue", "d", "--stamps", "s" }, "for other things" },
  { { "systemd", "d", "--stamps", "s" }, 0 }, { { "systemd", "d", "--stamps", "s", "--stamp-group", "g" }, 0 },
  { { "systemd", "d", "--stamp-group", "g" }, "--stamp-group is nothing without --stamps" },
};

static void command_lines(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct conf_options o;
    char problem[CONF_PROBLEM];
    char const *wrong = conf_options(&o, lines[i].argv, "/cwd", problem);
    if (!lines[i].wrong && wrong) fail_msg("row %zu: %s", i, wrong);
    if (lines[i].wrong && !(wrong && strstr(wrong, lines[i].wrong)))
      fail_msg("row %zu: %s", i, wrong ? wrong : "right");
    conf_options_free(&o);
  }
}

/* relay-pop-sync has a directory in any case; a chain looks for stamps when it is told to. */
static void only_sync_has_a_default(void **state)
{
  (void)state;
  static struct { char const *what, *value; } const rows[] = {
    { "sync", SPOOL_DIR "/stamps" }, { "receive", 0 }, { "xinetd", 0 }, { "systemd", 0 }, { "stamps", 0 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct conf_options o;
    char problem[CONF_PROBLEM];
    char const *argv[] = { rows[i].what, "d", 0 };
    assert_null(conf_options(&o, argv, "/cwd", problem));
    if (rows[i].value) assert_string_equal(o.value[OPT_STAMPS], rows[i].value);
    else assert_null(o.value[OPT_STAMPS]);
    conf_options_free(&o);
  }
}

/* As their names stand in the templates. */
#define SERVICE "posthouse@=unit@@@.service"
#define SWEEP "posthouse-sweep.service"
static struct {
  struct conf_file const *files;
  char const *name;
  struct conf_accounts const *accounts;
  char const *argv[MOST];
  char const *has, *has_not;
} const files[] = {
  { conf_receive, "run", &apart, { "receive", "d", "--stamps", "s s" },
    "  relay-gate " CONTROL_DIR "/rules.cdb \\\n  relay-pop-check '/cwd/s s' relay-smtpd\n", "SPOOL" },
  { conf_receive, "run", &apart, { "receive", "d" }, "  relay-smtpd\n", "pop" },
  { conf_receive, "run", &alone, { "receive", "d", "--stamps=/s", "--tls=/t", "--tls-now", "--listener=l", "--logins",
      "--control=/c" }, "  relay-pop-check /s relay-tls -i /t relay-smtpd -l l relay-auth /c/users.cdb true\n", 0 },
  { conf_xinetd, ".run", &apart, { "xinetd", "/x", "--stamps=/s", "--control=/c", "--tls=/t" },
    "exec relay-gate /c/rules.cdb relay-pop-check /s relay-tls /t relay-smtpd\n", 0 },
  { conf_xinetd, ".run", &apart, { "xinetd", "/x" }, "exec relay-gate ", "pop" },
  { conf_systemd, SERVICE, &apart, { "systemd", "d", "--stamps=/s%", "--bin=/b", "--control=/c" },
    "\nExecStart=-/b/relay-gate /c/rules.cdb /b/relay-pop-check \"/s%%\" /b/relay-smtpd\n", 0 },
  { conf_systemd, SERVICE, &apart, { "systemd", "d" }, "\nExecStart=", "pop" },
  { conf_systemd_sweep, SWEEP, &apart, { "systemd", "d", "--stamps=/s", "--bin=/b", "--control=/c" },
    "\nUser=in\n# Who may write there.\nGroup=pop\nExecStart=/b/relay-pop-sweep -r /c/rules.cdb /s\n", 0 },
  { conf_systemd_sweep, SWEEP, &alone, { "systemd", "d", "--stamps=/s" }, "\nUser=me\nExecStart=", "Group" },
  { conf_systemd_sweep, "posthouse-sweep.timer", &alone, { "systemd", "d", "--stamps=/s" },
    "\nWantedBy=timers.target\n", 0 },
};

static void texts(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *text = made(files[i].files, files[i].name, files[i].argv, files[i].accounts);
    if (!strstr(text, files[i].has)) fail_msg("row %zu lacks %s:\n%s", i, files[i].has, text);
    if (files[i].has_not && strstr(text, files[i].has_not)) fail_msg("row %zu has %s:\n%s", i, files[i].has_not, text);
    free(text);
  }
}

static struct stat looked_at(char const *path)
{
  struct stat st = { .st_mode = 0 };
  if (lstat(path, &st)) st.st_mode = 0;
  return st;
}

#define NONE (gid_t)-1

/* For one user: new it is his alone, and one that is there stays as he has it. */
static void one_user(void **state)
{
  (void)state;
  mode_t old = umask(0);
  assert_int_equal(conf_make_stamps(below("spool/s"), NONE), 0);
  umask(old);
  assert_int_equal(looked_at(below("spool")).st_mode, S_IFDIR | 0755);
  assert_int_equal(looked_at(below("spool/s")).st_mode, S_IFDIR | 0700);
  close(open(below("spool/s/192.0.2.1"), O_WRONLY | O_CREAT, 0644));
  assert_int_equal(chmod(below("spool/s"), 02775), 0);
  assert_int_equal(conf_make_stamps(below("spool/s"), NONE), 0);
  assert_int_equal(looked_at(below("spool/s")).st_mode, S_IFDIR | 02775);
  assert_int_equal(looked_at(below("spool/s/192.0.2.1")).st_mode, S_IFREG | 0644);
}

/* With a group: whatever it was, then it is that group's, and what is in it stays. */
static void group(void **state)
{
  (void)state;
  gid_t gid = geteuid() ? getegid() : 12345; /* only root gives away what he likes to */
  for (int again = 0; again < 2; again++) {
    assert_int_equal(conf_make_stamps(below("s"), gid), 0);
    struct stat st = looked_at(below("s"));
    assert_int_equal(st.st_mode, S_IFDIR | 02771);
    assert_int_equal(st.st_gid, gid);
    assert_int_equal(st.st_uid, geteuid());
    close(open(below("s/192.0.2.1"), O_WRONLY | O_CREAT, 0644));
    if (!geteuid()) assert_int_equal(chown(below("s"), 54321, 54321), 0);
    assert_int_equal(chmod(below("s"), 0750), 0);
  }
  assert_int_equal(looked_at(below("s/192.0.2.1")).st_mode, S_IFREG | 0644);
}

/* Where everybody could write, a stamp may be anybody's, who can make it young again for as long as it lies there. */
static void nobody_else_has_written_there(void **state)
{
  (void)state;
  gid_t const gids[] = { NONE, getegid() };
  assert_int_equal(mkdir(below("all"), 0755) | chmod(below("all"), 01777) | mkdir(below("good"), 0750), 0);
  assert_int_equal(symlink(below("good"), below("link")), 0);
  close(open(below("file"), O_WRONLY | O_CREAT, 0644));
  for (size_t i = 0; i < sizeof gids / sizeof *gids; i++) {
    static char const *const names[] = { "all", "link", "file" };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
      errno = 0;
      assert_int_equal(conf_make_stamps(below(names[n]), gids[i]), -1);
      assert_int_equal(errno, EEXIST);
      assert_string_equal(conf_at.s, below(names[n]));
    }
    assert_int_equal(looked_at(below("all")).st_mode, S_IFDIR | 01777);
    assert_int_equal(looked_at(below("good")).st_mode, S_IFDIR | 0750);
    assert_int_equal(looked_at(below("file")).st_mode, S_IFREG | 0644);
    assert_int_equal(conf_make_stamps(below("no/where/s"), gids[i]), -1);
    assert_int_equal(errno, ENOENT);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(command_lines),
    cmocka_unit_test(only_sync_has_a_default),
    cmocka_unit_test(texts),
    cmocka_unit_test_setup_teardown(one_user, enter, leave),
    cmocka_unit_test_setup_teardown(group, enter, leave),
    cmocka_unit_test_setup_teardown(nobody_else_has_written_there, enter, leave),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
