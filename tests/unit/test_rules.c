/* lib/rules: what each control file compiles to, and every complaint word for word: the frame, `me`, `domains`,
 * `routes` and `limits`. The other files have tests of their own. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "rules_cases.h"
#include "base/io.h"
#include "base/limits.h"

#define NO_PORT "no port (1 to 65535) behind the relay's colon\n"

static struct good_case const good[] = {
  /* lines */
  { "domains", "", "" },
  { "domains", "a.example", "da.example@1=any " },
  { "domains", "a.example\n", "da.example@1=any " },
  { "domains", "# a\n\n \t\n  # b\n\ta.example \t any\t\n", "da.example@5=any " },
  { "domains", "a.example\r\nb.example\r\n\r\n", "da.example@1=any db.example@2=any " },
  { "domains", "a.example # the first\nb.example any #\nc.example\t#\tthe #3\n",
    "da.example@1=any db.example@2=any dc.example@3=any " },
  /* domains */
  { "domains", "a.example any\nb.example asked\n[192.0.2.1] asked\n", "da.example@1=any db.example@2=asked "
    "d[192.0.2.1]@3=asked " },
  { "domains", "a.example listed # ok: no-recipients\n", "da.example@1=listed " },
  { "domains", "A.Example.\n.SUB.example\nlocalhost\na_b.example\n",
    "da.example@1=any d.sub.example@2=any dlocalhost@3=any da_b.example@4=any " },
  { "domains", "gr\xc3\xbcn.example\n.M\xc3\x9cll.example\n",
    "dxn--grn-ioa.example@1=any d.xn--mll-hoa.example@2=any " },
  { "domains", "[192.0.2.1]\n[IPv6:2001:DB8:0::1]\n[2001:db8::2]\n[::ffff:192.0.2.3]\n",
    "d[192.0.2.1]@1=any d[IPv6:2001:db8::1]@2=any d[IPv6:2001:db8::2]@3=any d[192.0.2.3]@4=any " },
  { "domains", "example.com\n.example.com\n", "dexample.com@1=any d.example.com@2=any " },
  /* limits */
  { "limits", "size 0\nrecipients 100000\nerrors 007\n", "lsize@1=0 lrecipients@2=100000 lerrors@3=7 " },
  { "limits", "size 4294967295 # much\n", "lsize@1=4294967295 " },
  /* routes */
  { "routes", "a.example:b.example\n.Example:B.example:587\n:[2001:DB8::1]:25\n",
    "oa.example@1=b.example|| o.example@2=b.example|587| o@3=2001:db8::1|25| " },
  { "routes", ":\na.example:\nb.example::26\nc.example:192.0.2.1\nd.example:[192.0.2.2]:1\n",
    "o@1=|| oa.example@2=|| ob.example@3=|26| oc.example@4=192.0.2.1|| od.example@5=192.0.2.2|1| " },
  { "routes", "[192.0.2.1]:c.example\n[IPv6:2001:db8::1]:[::1]:65535 # IPv6\n",
    "o[192.0.2.1]@1=c.example|| o[IPv6:2001:db8::1]@2=::1|65535| " },
};

static struct bad_case const bad[] = {
  /* lines */
  { "domains", "\xef\xbb\xbf" "a.example\n", "1: the file begins with a byte order mark: save it without\n" },
  { "domains", "a.exam\rple\n", "1: a carriage return within the line\n" },
  { "domains", "-\n\nb..example\n", "1: `-` is no domain\n3: `b..example` is no domain\n" },
  { "domains", "\xff\x01\\b\n", "1: `\\xff\\x01\\x5cb` is no domain\n" },
  /* me */
  { "me", "", "1: missing: the file `me` holds the name of this host\n" },
  { "me", "# nothing\n", "1: missing: the file `me` holds the name of this host\n" },
  { "me", "a.example b.example\n", "1: one name stands here, and nothing else\n" },
  { "me", "a.example\nb.example\n", "2: a second name; the first stands in line 1\n" },
  { "me", "192.0.2.1\n", "1: `192.0.2.1` is no domain; an address stands in brackets\n" },
  { "me", "[192.0.2.1]\n", "1: `[192.0.2.1]` is no domain\n" },
  { "me", ".example\n", "1: `.example` is no domain\n" },
  /* domains */
  { "domains", "*\n.\n*.a.example\na@b.example\n",
    "1: `*` is no domain\n2: `` is no domain\n3: `*.a.example` is no domain\n4: `a@b.example` is no domain\n" },
  { "domains", "192.0.2.1\n.2.1\n7\n", "1: `192.0.2.1` is no domain; an address stands in brackets\n"
    "2: `2.1` is no domain; an address stands in brackets\n3: `7` is no domain; an address stands in brackets\n" },
  { "domains", "[192.0.2.1\n[]\n[IPv6:192.0.2.256]\n[192.0.2.0/24]\n[\n", "1: `[192.0.2.1` is no address in brackets\n"
    "2: `[]` is no address in brackets\n3: `[IPv6:192.0.2.256]` is no address in brackets\n"
    "4: `[192.0.2.0/24]` is no address in brackets\n5: `[` is no address in brackets\n" },
  { "domains", "a.example some\nb.example any any\nc.example ANY\n",
    "1: `some` is no way to check recipients; known:\n"
    "2: `any` is one word too many\n3: `ANY` is no way to check recipients; known:\n" },
  { "domains", "a.example\nb.example\nA.EXAMPLE. any\n", "3: `A.EXAMPLE.` stands already in line 1\n" },
  { "domains", "[::ffff:192.0.2.1]\n[192.0.2.1]\n", "2: `[192.0.2.1]` stands already in line 1\n" },
  { "domains", "a#b\n", "1: `a#b` is no domain\n" },
  /* limits */
  { "limits", "sise 1\nhops\nhops 5 6\nhops 4\nhops 1001\nhops -5\nhops 5k\nhops 99999999999999999999999\n",
    "1: `sise` is no limit; known:\n"
    "2: a limit's line is its name and a number (Received fields; RFC 5321 6.3)\n"
    "3: a limit's line is its name and a number (Received fields; RFC 5321 6.3)\n"
    "4: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `4`\n"
    "5: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `1001`\n"
    "6: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `-5`\n"
    "7: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `5k`\n"
    "8: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `99999999999999999999999`\n" },
  { "limits", "hops 5\nhops 5\n", "2: `hops` stands already in line 1\n" },
  /* routes */
  { "routes", "a.example\nb.example c.example\n*:a.example\n",
    "1: no `:` after the domain; a route is domain:relay or domain:relay:port\n"
    "2: no `:` after the domain; a route is domain:relay or domain:relay:port\n3: `*` is no domain\n" },
  { "routes", ":relay.example:587|user|pass\na.example:b.example|u|p\n",
    "1: a login at a relay (domain:relay:port|user|password) is a line of the file `logins`: relay:port user password\n"
    "2: a login at a relay (domain:relay:port|user|password) is a line of the file `logins`: relay:port user password\n"
  },
  { "routes", ":2001:db8::1:25\n:2001:db8::1\n::1\n:::1\n",
    "1: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n"
    "2: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n"
    "4: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n" },
  { "routes", ":a.example:0\n:a.example:65536\n:a.example:smtp\n:a.example:\n:[::1]25\n:[::1\n:1.2.3\n:a b\n",
    "1: " NO_PORT "2: " NO_PORT "3: " NO_PORT "4: " NO_PORT "5: `[::1]25` is no address in brackets\n"
    "6: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n"
    "7: `1.2.3` is no domain; an address stands in brackets\n"
    "8: a word behind the relay is no word of a route; known:\n" },
  { "routes", "a.example:b.example\nA.example:\n", "2: `A.example:` stands already in line 1\n" },
};

static void compiles(void **state)
{
  GOOD(good);
}

static void complains(void **state)
{
  ERRORS(bad);
}

static void all_files_at_once(void **state)
{
  static struct rules_text const texts[] = {
    { "limits", "x 1", 3 }, { "routes", "y", 1 }, { "relay", "z", 1 }, { "domains", "!", 1 }, { "clients", "c\0d", 3 },
    { "me", "?", 1 },
  };
  int result;
  close(compiled(texts, 6, &result));
  assert_int_equal(result, 1);
  char *why = in_brief("");
  assert_string_equal(why, "me:1: `?` is no domain\nclients:1: a NUL byte\ndomains:1: `!` is no domain\n"
    "relay:1: `z` is not known; known:\n"
    "routes:1: no `:` after the domain; a route is domain:relay or domain:relay:port\n"
    "limits:1: `x` is no limit; known:\n");
  free(why);
}

/* What is known is said word for word: all limits, and what can follow a first word in `relay`. */
static void known(void **state)
{
#define X(c, name, def, least, most, unit) " " name
  static char const limits[] = "limits:1: `x` is no limit; known:" LIMITS(X) "\n";
#undef X
  static struct { char const *file, *text, *why; } const rows[] = {
    { "limits", "x 1", limits },
    { "relay", "permit x", "relay:1: `permit x` is not known; known: grant, require, deny, local, own\n" },
    { "relay", "require x y", "relay:1: `require x y` is not known; known: require login, require tls, require sender "
      "hosted\n" },
    { "relay", "grant", "relay:1: `grant` is not known; known: grant login, grant clients, grant pop [SECONDS] "
      "[/64] [on LISTENER,...] [bound], grant to DOMAIN-or-ADDRESS, grant to-host PREFIX, grant sender "
      "ADDRESS-or-@DOMAIN forgeable, grant device PREFIX from SENDER to RECIPIENT, grant anyone open-relay\n" },
    { "relay", "deny", "relay:1: `deny` is not known; known: deny to DOMAIN-or-ADDRESS\n" },
    { "domains", "a.example ANY", "domains:1: `ANY` is no way to check recipients; known: any, listed, asked\n" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd;
    assert_int_equal(alone(rows[i].file, rows[i].text, &fd), 1);
    assert_string_equal(said.s, rows[i].why);
    close(fd);
  }
}

/* The longest line, and one byte more. */
static void long_line(void **state)
{
  for (size_t more = 0; more < 2; more++) {
    size_t n = LIMIT_RULE_LINE + more, head = strlen("192.0.2.1:allow,A=\"");
    char *s = malloc(n + 1);
    int fd;
    memcpy(s, "192.0.2.1:allow,A=\"", head);
    memset(s + head, 'x', n - head);
    s[n - 1] = '"';
    s[n] = 0;
    assert_int_equal(alone("clients", s, &fd), (int)more);
    char *why = in_brief("clients");
    assert_string_equal(why, more ? "1: a line of 65537 bytes; 65536 are allowed\n" : "");
    free(why);
    close(fd);
    free(s);
  }
}

/* A quotation is cut. */
static void long_word(void **state)
{
  char text[401];
  stralloc why = STRALLOC_ZERO;
  int fd;
  memset(text, 'a', 399);
  strcpy(text + 399, "!");
  assert_int_equal(alone("domains", text, &fd), 1);
  text[190] = 0;
  assert_true(stralloc_cats(&why, "domains:1: `") && stralloc_cats(&why, text));
  assert_true(stralloc_cats(&why, "...` is no domain\n") && stralloc_0(&why));
  assert_string_equal(said.s, why.s);
  stralloc_free(&why);
  close(fd);
}

/* From a directory: missing files are empty ones, unreadable ones stop everything. */
static void directory(void **state)
{
  char dir[] = "/tmp/test_rules.XXXXXX", path[64];
  assert_non_null(mkdtemp(dir));
  FILE *f = tmpfile();
  assert_non_null(f);
  said.len = 0;
  assert_int_equal(rules_compile(dir, 0, fileno(f), say, &said), 1);
  assert_true(stralloc_0(&said));
  assert_string_equal(said.s, "me:1: missing: the file `me` holds the name of this host\n");
  snprintf(path, sizeof path, "%s/me", dir);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  assert_int_equal(io_write_file(fd, "relay.example\n", 14), 0);
  close(fd);
  assert_int_equal(ftruncate(fileno(f), 0), 0);
  rewind(f);
  assert_int_equal(rules_compile(dir, 0, fileno(f), say, &said), 0);
  snprintf(path, sizeof path, "%s/routes", dir);
  assert_int_equal(mkdir(path, 0700), 0);
  said.len = 0;
  assert_int_equal(rules_compile(dir, 0, fileno(f), say, &said), -1);
  assert_int_equal(errno, EISDIR);
  assert_true(stralloc_0(&said));
  assert_string_equal(said.s, "routes:1: unable to read: Is a directory\n");
  fclose(f);
  rmdir(path);
  snprintf(path, sizeof path, "%s/me", dir);
  unlink(path);
  rmdir(dir);
}

/* A table that can't be written is a system error, not a complaint. */
static void no_room(void **state)
{
  struct rules_text me = { "me", "relay.example", 13 };
  int fd = open("/dev/full", O_RDWR), result;
  if (fd < 0) skip();
  said.len = 0;
  result = rules_compile_texts(&me, 1, fd, say, &said);
  assert_int_equal(result, -1);
  assert_int_equal(said.len, 0);
  close(fd);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(compiles), cmocka_unit_test(complains), cmocka_unit_test(known),
    cmocka_unit_test(all_files_at_once), cmocka_unit_test(long_line), cmocka_unit_test(long_word),
    cmocka_unit_test(directory), cmocka_unit_test(no_room),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
