/* lib/conf: quoting, templates, options, and what is made on disk. */
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

#include "base/io.h"
#include "conf/make.h"
#include "conf/options.h"
#include "conf/values.h"
#include "queue/store.h"
#include "conf_made.h"
#include "conf_scratch.h"

static char const *const words[] = {
  "", " ", "a", "a b", "a\tb", "'", "''", "'a'", "a'b'c", "\"", "\\", "\\\\'", "$HOME", "`id`", "$(id)", "*", "?",
  "[a]", "~", "#a", "a#", ";", "&", "|", "<", ">", "(", ")", "{a,b}", "!", "%", "%h", "%%", "-n", "=", "a=b",
  "\x01\x7f", "gr\xc3\xbc\xdf", "\xff", "/usr/local/bin", "a:b", "a@b", "@", "a,b.c_d+e-f",
};

/* What a shell makes of the quoted word is the word. */
static void shell(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    stralloc sa = STRALLOC_ZERO;
    char got[64];
    assert_true(stralloc_cats(&sa, "set -- ") && quote_sh(&sa, words[i]));
    assert_true(stralloc_cats(&sa, " && test $# = 1 && printf %s \"$1\"") && stralloc_0(&sa));
    FILE *f = popen(sa.s, "r");
    assert_non_null(f);
    size_t n = fread(got, 1, sizeof got, f);
    assert_int_equal(pclose(f), 0);
    assert_int_equal(n, strlen(words[i]));
    assert_memory_equal(got, words[i], n);
    stralloc_free(&sa);
  }
}

static struct { quote_fn *quote; char const *word, *out; /* null: EINVAL */ } const quotes[] = {
  { quote_sh, "a\nb", 0 }, { quote_systemd, "a\nb", 0 }, { quote_plain, "a\nb", 0 }, { quote_text, "a\nb", 0 },
  { quote_systemd, "/a/b", "/a/b" }, { quote_systemd, "", "\"\"" }, { quote_systemd, "a b", "\"a b\"" },
  { quote_systemd, "a\"b\\c", "\"a\\\"b\\\\c\"" }, { quote_systemd, "100%h", "\"100%%h\"" },
  { quote_systemd, "a$b", 0 },
  { quote_systemd, "'", "\"'\"" },
  { quote_plain, "/a/b.c", "/a/b.c" }, { quote_plain, "a b", 0 }, { quote_plain, "", 0 }, { quote_plain, "a#", 0 },
  { quote_plain, "\"", 0 }, { quote_plain, "a\tb", 0 }, { quote_text, "a 'b", "a 'b" }, { quote_text, "", "" },
};

static void quoting(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
    stralloc sa = STRALLOC_ZERO;
    errno = 0;
    int ok = quotes[i].quote(&sa, quotes[i].word) && stralloc_0(&sa);
    if (!quotes[i].out) assert_int_equal(ok ? 0 : errno, EINVAL);
    else assert_string_equal(ok ? sa.s : "failed", quotes[i].out);
    stralloc_free(&sa);
  }
}

static struct conf_value const some[] = {
  { "a", "A" }, { "ab", "x y" }, { "no", 0 }, { "list", "one\ntwo 2\n" }, { "empty", "" }, { 0, 0 },
};

static struct { char const *text, *out; int error; } const templates[] = {
  { "", "", 0 }, { "x\n", "x\n", 0 }, { "x", "x\n", 0 }, { "\n\nx\n", "\n\nx\n", 0 },
  { "@a@\n", "A\n", 0 }, { "<@a@@ab@>\n", "<A'x y'>\n", 0 }, { "a@@b\n", "a@b\n", 0 }, { "@@\n", "@\n", 0 },
  { "@list@\n", "one 'two 2' ''\n", 0 }, { "@empty@\n", "''\n", 0 }, { "@=ab@|@=a@\n", "x y|A\n", 0 },
  { "@+a yes @a@\n@-a not\n@+no not\n@-no yes\n", "yes A\nyes\n", 0 }, { "@+a   in\n@+a\n", "  in\n\n", 0 },
  { "@b@\n", 0, EDOM }, { "@no@\n", 0, EDOM }, { "@a\n", 0, EDOM }, { "x@a\n@b@\n", 0, EDOM }, { "@+b x\n", 0, EDOM },
  { "@=@\n", 0, EDOM }, { "@+no @b@\n", "", 0 },
};

static void expanding(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
    stralloc sa = STRALLOC_ZERO;
    errno = 0;
    int ok = conf_expand(&sa, templates[i].text, some, quote_sh) && stralloc_0(&sa);
    if (!templates[i].out) assert_int_equal(ok ? 0 : errno, templates[i].error);
    else assert_string_equal(ok ? sa.s : "failed", templates[i].out);
    stralloc_free(&sa);
  }
  stralloc sa = STRALLOC_ZERO;
  assert_false(conf_expand(&sa, "@ab@\n", some, quote_plain));
  assert_int_equal(errno, EINVAL);
  stralloc_free(&sa);
}

static struct { char const *argv[MOST]; char const *wrong; /* null: right; else part of the words */ } const lines[] = {
  { { 0 }, "what" }, { { "x" }, "how to make x" }, { { "queue" }, "where" }, { { "queue", "" }, "empty" },
  { { "queue", "d" }, 0 }, { { "queue", "d", "e" }, "too many: e" }, { { "queue", "a\nb" }, "line end" },
  { { "control", "d", "me.example" }, 0 }, { { "control", "d", "me", "x" }, "too many" },
  { { "control", "d", "--one-user" }, "for other things" }, { { "control", "d", "--port", "25" }, "for other things" },
  { { "receive", "d", "--port", "25" }, 0 }, { { "receive", "--port=65535", "d" }, 0 },
  { { "receive", "d", "--port", "0" }, "number" },
  { { "receive", "d", "--port", "65536" }, "number" }, { { "receive", "d", "--port", "" }, "number" },
  { { "receive", "d", "--port", "+1" }, "number" }, { { "receive", "d", "--port", "99999999999" }, "number" },
  { { "receive", "d", "--port" }, "--port wants an argument" },
  { { "receive", "d", "--por", "1" }, "no option --por here" },
  { { "receive", "d", "--bare-lf=1" }, "no argument" }, { { "receive", "d", "--bare-lf", "--one-user" }, 0 },
  { { "receive", "d", "--listener", "a b" }, "word" }, { { "receive", "d", "--listener", "-b" }, "word" },
  { { "receive", "d", "--listener=" }, "word" }, { { "receive", "d", "--listener", "x\n" }, "line ends" },
  { { "receive", "d", "--control", "" }, "path" }, { { "receive", "d", "--control=a\nb" }, "line ends" },
  { { "receive", "d", "--address", "::1" }, 0 }, { { "receive", "d", "--address", "[::1]" }, "address" },
  { { "receive", "d", "--address", "-x" }, "address" }, { { "receive", "d", "--memory", "0" }, 0 },
  { { "cache", "f", "--user", "u" }, 0 }, { { "cache" }, "where" },
  { { "cache", "f", "--port", "1" }, "for other things" },
  { { "receive", "d", "--cache", "f", "--resolver=::1" }, 0 }, { { "send", "d", "--cache", "f" }, "for other things" },
  { { "policies", "d", "--remote-user", "u" }, 0 }, { { "policies", "d", "--user", "u" }, "for other things" },
  { { "send", "d", "--policies", "p" }, 0 }, { { "receive", "d", "--policies", "p" }, "for other things" },
  { { "tls", "d", "--tls", "s" }, "for other things" }, { { "tls", "d", "--tls-user", "u", "--socket=s" }, 0 },
  { { "receive", "d", "--tls", "s", "--tls-now" }, 0 },
  { { "receive", "d", "--tls-now", "--tls", "s", "--logins" }, 0 },
  { { "receive", "d", "--port", "465", "--tls-now", "--logins" }, "--tls-now is nothing without --tls" },
  { { "systemd", "d", "--tls-now" }, "--tls-now is nothing without --tls" },
  { { "send", "d", "--trust-ad" }, "--trust-ad is nothing without --resolver" },
  { { "xinetd", "d", "--logins" }, "--logins is nothing without --tls" },
  { { "systemd", "d", "--listener", "a/b" }, "part of the units' names" },
  { { "receive", "d", "--listener", "a/b" }, 0 },
  { { "systemd", "d", "--listener", "a@b" }, "part of the units' names" },
  { { "systemd", "d", "--listener", "a-B_1" }, 0 },
  { { "systemd", "d", "--tls-user", "u", "--certificates", "c" }, 0 },
  { { "send", "d", "--port", "1" }, "for other things" }, { { "send", "d", "--resolver", "127.0.0.1:53" }, 0 },
  { { "sync", "d", "--sync-user", "u", "--server=h:1", "--key", "k", "--password=p", "--node", "n", "--seconds", "60" },
    0 },
  { { "sync", "d", "--server-tls", "t", "--prefix", "p:", "--systemd" }, 0 },
  { { "sync", "d", "--systemd", "--log-user", "u" }, "--log-user is nothing with --systemd" },
  { { "sync", "d", "--prefix", "" }, "word" }, { { "sync", "d", "--tls", "t" }, "for other things" },
  { { "receive", "d", "--systemd" }, "for other things" },
  { { "sync", "d", "--seconds", "0" }, "number" }, { { "sync", "d", "--server", "a b" }, "word" },
  { { "sync", "d", "--port", "1" }, "for other things" }, { { "receive", "d", "--server", "h" }, "for other things" },
};

static void command_lines(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct conf_options o;
    char problem[CONF_PROBLEM];
    char const *wrong = conf_options(&o, lines[i].argv, "/cwd", problem);
    if (!lines[i].wrong) assert_null(wrong);
    else assert_true(wrong && strstr(wrong, lines[i].wrong));
    conf_options_free(&o);
  }
}

static void paths_and_defaults(void **state)
{
  (void)state;
  struct conf_options o;
  char problem[CONF_PROBLEM];
  char const *argv[] = { "receive", "sub/d//", "--control", "c", "--queue=/q/", "--port", "26", "--port", "27", 0 };
  assert_null(conf_options(&o, argv, "/cwd", problem));
  assert_int_equal(o.what, CONF_RECEIVE);
  assert_string_equal(o.where, "/cwd/sub/d");
  assert_string_equal(o.value[OPT_CONTROL], "/cwd/c");
  assert_string_equal(o.value[OPT_QUEUE], "/q");
  assert_string_equal(o.value[OPT_BIN], BIN_DIR);
  assert_string_equal(o.value[OPT_PORT], "27");
  assert_null(o.value[OPT_LISTENER]);
  assert_null(o.value[OPT_BARE_LF]);
  assert_null(o.value[OPT_RESOLVER]);
  conf_options_free(&o);
}

/* As their names stand in the templates. */
#define SOCKET "posthouse@=unit@.socket"
#define SERVICE "posthouse@=unit@@@.service"
#define TLSD "posthouse-tlsd.service"
static struct {
  struct conf_file const *files;
  char const *name;
  struct conf_accounts const *accounts;
  char const *argv[MOST];
  char const *has, *has_not;
} const files[] = {
  { conf_receive, "run", &apart, { "receive", "d" },
    "exec envuidgid in softlimit -m 30000000 tcpserver -UvHRl0 -b 200 -c 200 0 25 \\\n"
    "  relay-gate " CONTROL_DIR "/rules.cdb \\\n  relay-smtpd\n", "id -u" },
  { conf_receive, "run", &alone, { "receive", "d", "--memory", "00", "--port=2525", "--address", "::1",
    "--clients", "3" }, "exec tcpserver -vHRl0 -b 3 -c 3 ::1 2525 \\\n", "softlimit" },
  { conf_receive, "run", &alone, { "receive", "d" }, "\"$(id -u)\" != 1000", "envuidgid" },
  { conf_receive, "run", &apart, { "receive", "d", "--listener", "a'b", "--bare-lf" },
    "  relay-smtpd -l 'a'\\''b' -b\n", 0 },
  { conf_receive, "run", &apart, { "receive", "d", "--queue", "q q", "--bin", "/b" },
    "RELAYQUEUE='/cwd/q q'\n", "/usr/local/bin" },
  { conf_receive, "run", &apart, { "receive", "d", "--bin", "/b b" },
    "export RELAYASK='/b b/relay-ask'\nexport RELAYASKED=" SPOOL_DIR "/asked\n", "DNSCACHEIP" },
  { conf_receive, "run", &alone, { "receive", "d", "--cache", "a/b", "--resolver", "::1" },
    "export RELAYASKED=/cwd/a/b\n# The DNS server.\nexport DNSCACHEIP=::1\n", 0 },
  { conf_receive, "log/run", &apart, { "receive", "d" }, "exec setuidgid log multilog ", 0 },
  { conf_receive, "log/run", &alone, { "receive", "d" }, "exec multilog ", "setuidgid" },
  { conf_send, "run", &apart, { "send", "d", "--queue", "/q" },
    "exec relay-send -q /q -r " CONTROL_DIR "/rules.cdb -u 2:12 -U 3:13\n", "DNSCACHEIP" },
  { conf_send, "run", &alone, { "send", "d", "--queue", "/q", "--resolver", "127.0.0.2" },
    "export DNSCACHEIP=127.0.0.2\n", "RELAYTRUSTAD" },
  { conf_send, "run", &alone, { "send", "d", "--resolver", "192.0.2.1", "--trust-ad" },
    "export DNSCACHEIP=192.0.2.1\n# Its word on validation (DNSSEC) counts, though it is on another machine.\n"
    "export RELAYTRUSTAD=1\n", " -u " },
  { conf_receive, "run", &alone, { "receive", "d", "--resolver", "192.0.2.1", "--trust-ad" },
    "\nexport RELAYTRUSTAD=1\n", 0 },
  { conf_systemd_send, "posthouse-send.service", &alone, { "systemd", "d", "--resolver=192.0.2.1", "--trust-ad" },
    "\nEnvironment=DNSCACHEIP=192.0.2.1\nEnvironment=RELAYTRUSTAD=1\n", 0 },
  { conf_send, "run", &apart, { "send", "d", "--bin", "/b b" }, " -R '/b b/relay-remote'\n", 0 },
  { conf_send, "run", &apart, { "send", "d" }, "\nexec relay-send ", "RELAYMTASTS" },
  { conf_send, "run", &alone, { "send", "d", "--policies", "a b" }, "\nexport RELAYMTASTS='/cwd/a b'\n", 0 },
  { conf_tls, "run", &apart, { "tls", "d" },
    "exec relay-tlsd -u 5:15 -g 11 /run/posthouse/tlsd " CONTROL_DIR "/tls\n", "id -u" },
  { conf_tls, "run", &apart, { "tls", "d", "--socket", "/r r/s" },
    "\n[ -d '/r r' ] || mkdir -m 0755 '/r r' || exit 111\n", 0 },
  { conf_tls, "run", &alone, { "tls", "d", "--socket", "/s", "--certificates", "c" },
    "\nexec relay-tlsd /s /cwd/c\n", "-u " },
  { conf_sync, "run", &apart, { "sync", "d" }, "\nexec setuidgid sync relay-pop-sync -k " CONTROL_DIR "/pop-sync.key "
    "-s 300 " SPOOL_DIR "/stamps 127.0.0.1\n", "id -u" },
  { conf_sync, "run", &alone, { "sync", "d", "--server", "/s", "--stamps", "s s", "--key=/k", "--password", "/p",
    "--node", "n", "--seconds", "60" }, "\nexec relay-pop-sync -k /k -p /p -n n -s 60 '/cwd/s s' /s\n", "setuidgid" },
  { conf_sync, "run", &apart, { "sync", "d", "--server-tls", "t t", "--prefix=x:", "--one-user" },
    " -t '/cwd/t t' -x x: -s 300 ", 0 },
  { conf_systemd_sync, "posthouse-sync.service", &apart, { "sync", "d", "--systemd", "--server=h", "--bin=/b",
    "--node=n%", "--key=/k", "--stamps=/s" },
    "\nUser=sync\nExecStart=/b/relay-pop-sync -k /k -n \"n%%\" -s 300 /s h\nRestart", "setuidgid" },
  { conf_systemd_sync, "posthouse-sync.service", &alone, { "sync", "d", "--systemd" }, "\nUser=me\nExecStart=" BIN_DIR
    "/relay-pop-sync -k ", "group may" },
  { conf_sync, "log/run", &apart, { "sync", "d" }, "exec setuidgid log multilog ", 0 },
  { conf_receive, "run", &apart, { "receive", "d", "--tls", "/s" }, "  relay-tls /s relay-smtpd\n", " -i" },
  { conf_receive, "run", &apart, { "receive", "d", "--tls", "/s", "--tls-now", "--listener", "l" },
    "  relay-tls -i /s relay-smtpd -l l\n", 0 },
  { conf_receive, "run", &apart, { "receive", "d", "--control", "/c", "--tls", "/s", "--listener", "l", "--logins",
    "--failures=f" }, "  relay-tls /s relay-smtpd -l l relay-auth /c/users.cdb true\n", 0 },
  { conf_receive, "run", &apart, { "receive", "d", "--tls=/s", "--logins" },
    "\nexport RELAYFAILURES=" SPOOL_DIR "/failures\n", 0 },
  { conf_receive, "run", &apart, { "receive", "d", "--failures", "f" }, "relay-smtpd\n", "FAILURES" },
  { conf_systemd, SERVICE, &apart, { "systemd", "d", "--bin", "/b", "--control", "/c", "--tls=/s", "--logins",
    "--failures", "/f%" }, "\nEnvironment=\"RELAYFAILURES=/f%%\"\nExecStart=-/b/relay-gate /c/rules.cdb "
    "/b/relay-tls /s /b/relay-smtpd /b/relay-auth /c/users.cdb true\n", 0 },
  { conf_xinetd, ".run", &apart, { "xinetd", "/x/y", "--tls=/s", "--logins", "--failures", "/f" },
    "export RELAYFAILURES=/f\n", 0 },
  { conf_systemd, SERVICE, &apart, { "systemd", "d", "--bin", "/b", "--tls", "/s" },
    " /b/relay-tls /s /b/relay-smtpd\n", 0 },
  { conf_systemd, SOCKET, &apart, { "systemd", "d", "--tls=/s", "--tls-now", "--port=465" }, ", port 465\n", 0 },
  { conf_systemd_tls, TLSD, &apart, { "systemd", "d", "--tls", "/run/a/b/s", "--bin", "/b" },
    "\nRuntimeDirectory=a/b\nExecStart=/b/relay-tlsd -u 5:15 -g 11 /run/a/b/s " CONTROL_DIR "/tls\n", "User=" },
  { conf_systemd_tls, TLSD, &alone, { "systemd", "d", "--tls=/r r/s", "--bin=/b", "--certificates=c" },
    "\nUser=me\n# The directory of its socket, /r r, must be there.\n"
    "ExecStart=/b/relay-tlsd \"/r r/s\" /cwd/c\n", "Runtime" },
  { conf_systemd_tls, TLSD, &alone, { "systemd", "d", "--tls=/run/s" }, "\nExecStart=", "RuntimeDirectory" },
  { conf_systemd_tls, TLSD, &alone, { "systemd", "d", "--tls=/s" }, "\nKillMode=process\nRestart=always\n", "-u " },
  { conf_systemd, SOCKET, &apart, { "systemd", "d" }, "\nListenStream=25\n", 0 },
  { conf_systemd, SOCKET, &apart, { "systemd", "d", "--address=::1" }, "\nListenStream=[::1]:25\n", 0 },
  { conf_systemd, SOCKET, &apart, { "systemd", "d", "--address=192.0.2.1" }, "\nListenStream=192.0.2.1:25\n", 0 },
  { conf_systemd, SERVICE, &apart, { "systemd", "d", "--bin", "/b b" },
    "\nExecStart=-\"/b b/relay-gate\" " CONTROL_DIR "/rules.cdb \"/b b/relay-smtpd\"\n", 0 },
  { conf_systemd, SERVICE, &alone, { "systemd", "d", "--queue", "/q%" }, "\nEnvironment=\"RELAYQUEUE=/q%%\"\n", 0 },
  { conf_systemd, SERVICE, &alone, { "systemd", "d", "--cache", "/c%", "--bin", "/b" },
    "\nEnvironment=RELAYASK=/b/relay-ask\nEnvironment=\"RELAYASKED=/c%%\"\nExec", 0 },
  { conf_systemd, SERVICE, &alone, { "systemd", "d", "--resolver", "127.0.0.2" },
    "\nEnvironment=DNSCACHEIP=127.0.0.2\nExec", 0 },
  { conf_systemd_send, "posthouse-send.service", &apart, { "systemd", "d" }, " -u 2:12 -U 3:13\n", "User=" },
  { conf_systemd_send, "posthouse-send.service", &apart, { "systemd", "d", "--policies=/p%" },
    "\nEnvironment=\"RELAYMTASTS=/p%%\"\n", 0 },
  { conf_systemd_send, "posthouse-send.service", &alone, { "systemd", "d" }, "\nUser=me\n", " -u " },
  { conf_systemd_send, "posthouse-send.service", &alone, { "systemd", "d" }, "\nKillMode=process\n", "mixed" },
  { conf_xinetd, "", &apart, { "xinetd", "/x/y", "--port", "26" }, "  server = /x/y.run\n", "bind" },
  { conf_xinetd, "", &apart, { "xinetd", "/x/y", "--address", "192.0.2.1" },
    "  flags = IPv4 NODELAY\n  id = posthouse-25-192.0.2.1\n  bind = 192.0.2.1\n", 0 },
  { conf_xinetd, "", &alone, { "xinetd", "/x/y" }, "  user = me\n", 0 },
  { conf_xinetd, ".run", &apart, { "xinetd", "/x/y", "--log", "/l" }, "exec 2>> /l\n", 0 },
  { conf_xinetd, ".run", &apart, { "xinetd", "/x/y", "--cache", "/c", "--resolver", "127.0.0.2" },
    "export RELAYASKED=/c\n# The DNS server.\nexport DNSCACHEIP=127.0.0.2\n", 0 },
  { conf_xinetd, ".run", &apart, { "xinetd", "/x/y", "--memory", "2048" }, "ulimit -v 2\n", 0 },
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

static struct { char const *argv[MOST]; char const *socket, *service; } const listeners[] = {
  { { "systemd", "d" }, "posthouse.socket", "posthouse@.service" },
  { { "systemd", "d", "--tls=/s" }, "posthouse.socket", "posthouse@.service" },
  { { "systemd", "d", "--tls=/s", "--tls-now" }, "posthouse-smtps.socket", "posthouse-smtps@.service" },
  { { "systemd", "d", "--listener=submission" }, "posthouse-submission.socket", "posthouse-submission@.service" },
  { { "systemd", "d", "--listener=submission", "--tls=/s", "--tls-now" }, "posthouse-submissions.socket",
    "posthouse-submissions@.service" },
};

static mode_t mode_of(char const *path)
{
  struct stat st;
  return lstat(path, &st) ? 0 : st.st_mode;
}

static void queue(void **state)
{
  (void)state;
  char name[32];
  for (int again = 0; again < 2; again++) {
    assert_int_equal(conf_make_queue(below("spool/q"), (uid_t)-1, (gid_t)-1), 0);
    for (unsigned i = 0; i < STORE_SPLIT; i++) {
      snprintf(name, sizeof name, "spool/q/mess/%02x", i);
      assert_int_equal(mode_of(below(name)), S_IFDIR | 0700);
    }
    snprintf(name, sizeof name, "spool/q/mess/%02x", STORE_SPLIT);
    assert_int_equal(mode_of(below(name)), 0);
    assert_int_equal(mode_of(below("spool/q/trigger")), S_IFIFO | 0600);
    /* what is in it stays, what is missing or wrong is mended */
    close(open(below("spool/q/mess/00/x"), O_WRONLY | O_CREAT, 0600));
    assert_int_equal(rmdir(below("spool/q/mess/01")) | chmod(below("spool/q/trigger"), 0600), 0);
  }
  assert_int_equal(conf_make_queue(below("spool/q"), (uid_t)-1, (gid_t)-1), 0);
  assert_int_equal(mode_of(below("spool/q/mess/00/x")), S_IFREG | 0600);
}

static void queue_follows_no_link(void **state)
{
  (void)state;
  assert_int_equal(mkdir(below("q"), 0755) | mkdir(below("q/mess"), 0755) | mkdir(below("other"), 0755), 0);
  assert_int_equal(symlink(below("other"), below("q/mess/02")), 0);
  assert_int_equal(conf_make_queue(below("q"), (uid_t)-1, (gid_t)-1), -1);
  assert_non_null(strstr(conf_at.s, "q/mess/02"));
  assert_int_equal(mode_of(below("other")), S_IFDIR | 0755);
  assert_int_equal(unlink(below("q/mess/02")), 0);
  close(open(below("q/trigger"), O_WRONLY | O_CREAT, 0600));
  assert_int_equal(conf_make_queue(below("q"), (uid_t)-1, (gid_t)-1), -1);
  assert_int_equal(mode_of(below("q/trigger")), S_IFREG | 0600);
}

static void cache(void **state)
{
  (void)state;
  uid_t none = (uid_t)-1;
  for (int again = 0; again < 2; again++) {
    assert_int_equal(conf_make_cache(below("spool/asked"), none, none), 0);
    assert_int_equal(mode_of(below("spool/asked")), S_IFREG | 0600);
    assert_int_equal(chmod(below("spool/asked"), 0666), 0); /* mended */
  }
  assert_int_equal(link(below("spool/asked"), below("spool/second")), 0);
  assert_int_equal(conf_make_cache(below("spool/asked"), none, none), -1);
  assert_int_equal(errno, EEXIST);
  assert_int_equal(symlink(below("spool/other"), below("spool/link")), 0);
  assert_int_equal(conf_make_cache(below("spool/link"), none, none), -1);
  assert_int_equal(mode_of(below("spool/other")), 0);
  assert_int_equal(mkfifo(below("spool/fifo"), 0644), 0);
  assert_int_equal(conf_make_cache(below("spool/fifo"), none, none), -1);
  assert_int_equal(mode_of(below("spool/fifo")), S_IFIFO | 0644);
  assert_int_equal(conf_make_cache(below("none/none/asked"), none, none), -1);
  assert_non_null(strstr(conf_at.s, "none/none"));
}

static void policies(void **state)
{
  (void)state;
  uid_t none = (uid_t)-1;
  for (int again = 0; again < 2; again++) {
    assert_int_equal(conf_make_policies(below("spool/mta-sts"), none, none), 0);
    assert_int_equal(mode_of(below("spool/mta-sts")), S_IFDIR | 0755);
    assert_int_equal(chmod(below("spool/mta-sts"), 0770), 0); /* mended */
  }
  assert_int_equal(mkdir(below("spool/all"), 0755) | chmod(below("spool/all"), 01777), 0);
  assert_int_equal(symlink(below("spool/mta-sts"), below("spool/link")), 0);
  close(open(below("spool/file"), O_WRONLY | O_CREAT, 0600));
  static char const *const bad[] = { "spool/all", "spool/link", "spool/file" };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    errno = 0;
    assert_int_equal(conf_make_policies(below(bad[i]), none, none), -1);
    assert_int_equal(errno, EEXIST);
  }
  assert_int_equal(mode_of(below("spool/mta-sts")), S_IFDIR | 0770);
  assert_int_equal(mode_of(below("spool/all")), S_IFDIR | 01777);
  assert_int_equal(conf_make_policies(below("none/none/mta-sts"), none, none), -1);
  assert_non_null(strstr(conf_at.s, "none/none"));
}

static struct conf_file const tree[] = {
  { "run", 0755, quote_sh, "@a@\n" }, { "log", 0755, 0, 0 }, { "log/run", 0640, quote_sh, "x\n" },
  { "log/main", 0700, 0, 0 }, { 0, 0, 0, 0 },
};
static struct conf_file const broken[] = {
  { "one", 0644, quote_sh, "x\n" }, { "two", 0644, quote_sh, "@nothing@\n" }, { 0, 0, 0, 0 },
};

static void service(void **state)
{
  (void)state;
  assert_int_equal(mkdir(below(".s.new"), 0755), 0); /* left by one that was killed */
  assert_int_equal(conf_make_service(below("s"), tree, some, (uid_t)-1, (gid_t)-1), 0);
  assert_int_equal(mode_of(below("s")), S_IFDIR | 0755);
  assert_int_equal(mode_of(below("s/run")), S_IFREG | 0755);
  assert_int_equal(mode_of(below("s/log/run")), S_IFREG | 0640);
  assert_int_equal(mode_of(below("s/log/main")), S_IFDIR | 0700);
  assert_int_equal(mode_of(below(".s.new")), 0);
  assert_int_equal(conf_make_service(below("s"), tree, some, (uid_t)-1, (gid_t)-1), -1);
  assert_int_equal(errno, EEXIST);
  assert_int_equal(conf_make_service(below("t"), broken, some, (uid_t)-1, (gid_t)-1), -1);
  assert_int_equal(errno, EDOM);
  assert_int_equal(mode_of(below("t")) | mode_of(below(".t.new")), 0);
  assert_int_equal(conf_make_service(below("no/t"), tree, some, (uid_t)-1, (gid_t)-1), -1);
  assert_int_equal(errno, ENOENT);
}

static unsigned kept_files;
static void count(char const *path)
{
  (void)path;
  kept_files++;
}

static void nothing_is_overwritten(void **state)
{
  (void)state;
  struct conf_value const v[] = { { "me", "mail.example" }, { 0, 0 } };
  char *text;
  size_t len;
  assert_int_equal(mkdir(below("c"), 0755), 0);
  int fd = open(below("c/me"), O_WRONLY | O_CREAT, 0600);
  assert_int_equal(io_write_file(fd, "mine\n", 5), 0);
  close(fd);
  assert_int_equal(conf_make_files(below("c"), conf_control, v, count), 0);
  assert_int_equal(kept_files, 1);
  assert_int_equal(io_slurp(below("c/me"), 100, &text, &len), 0);
  assert_string_equal(text, "mine\n");
  free(text);
  assert_int_equal(mode_of(below("c/limits")), S_IFREG | 0644);
  /* without that callback all is asked for before anything is written */
  assert_int_equal(mkdir(below("d"), 0755) | symlink("nowhere", below("d/two")), 0);
  assert_int_equal(conf_make_files(below("d"), broken, some, 0), -1);
  assert_int_equal(errno, EEXIST);
  assert_int_equal(mode_of(below("d/one")), 0);
}

/* Each listener has its units; one that is there already is not overwritten, and nothing is written then. */
static void units(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof listeners / sizeof *listeners; i++) {
    struct conf_values v = { .n = 0 };
    struct conf_options o;
    char problem[CONF_PROBLEM], name[64];
    assert_null(conf_options(&o, listeners[i].argv, "/cwd", problem));
    assert_true(conf_values(&v, &o, &apart));
    snprintf(name, sizeof name, "u%zu", i);
    assert_int_equal(conf_make_files(below(name), conf_systemd, v.v, 0), 0);
    snprintf(name, sizeof name, "u%zu/%s", i, listeners[i].socket);
    assert_int_equal(mode_of(below(name)), S_IFREG | 0644);
    assert_int_equal(unlink(below(name)), 0);
    snprintf(name, sizeof name, "u%zu", i);
    assert_int_equal(conf_make_files(below(name), conf_systemd, v.v, 0), -1);
    assert_int_equal(errno, EEXIST);
    snprintf(name, sizeof name, "u%zu/%s", i, listeners[i].service);
    assert_int_equal(unlink(below(name)), 0);
    snprintf(name, sizeof name, "u%zu", i);
    assert_int_equal(rmdir(below(name)), 0); /* there was nothing else */
    conf_values_free(&v);
    conf_options_free(&o);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(shell),
    cmocka_unit_test(quoting),
    cmocka_unit_test(expanding),
    cmocka_unit_test(command_lines),
    cmocka_unit_test(paths_and_defaults),
    cmocka_unit_test(texts),
    cmocka_unit_test_setup_teardown(queue, enter, leave), cmocka_unit_test_setup_teardown(cache, enter, leave),
    cmocka_unit_test_setup_teardown(policies, enter, leave),
    cmocka_unit_test_setup_teardown(queue_follows_no_link, enter, leave),
    cmocka_unit_test_setup_teardown(service, enter, leave), cmocka_unit_test_setup_teardown(units, enter, leave),
    cmocka_unit_test_setup_teardown(nothing_is_overwritten, enter, leave),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
