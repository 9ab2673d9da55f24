/* lib/rules: `# ok: WORD`, with which a line says that it means what a warning is about. */
#include "rules/warnings.h"
#include "rules_cases.h"

/* A warning of each word; the line that it is about has MARK at its end. */
#define MARK "\x01"
#define STATES "e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6"
static struct { char const *word, *text; } const all[] = {
  { "unused", "%relay\nown .a" MARK "\n" },
  { "unused", "%relay\ngrant to a.example\ngrant to x@a.example" MARK "\n" },
  { "default-allow", "%clients\n10.0.0.1:allow" MARK "\n10.0.0.2:allow\n" },
  { "large-prefix", "%clients\n:allow\n10.0.0.0/7:allow,RELAYCLIENT=\"\"" MARK "\n" },
  { "large-prefix", "%relay\ngrant device 64.0.0.0/7 from any to any" MARK "\n" },
  { "large-prefix", "%relay\ngrant device 10.0.0.0/8 from any to any\ngrant to-host 2600::/15" MARK "\n" },
  { "large-sum", "%clients\n:allow\n64.:allow,RELAYCLIENT=\"\"" MARK "\n65.1.0.0/16:allow,RELAYCLIENT=\"\"\n"
    "%relay\ngrant clients\n" },
  { "large-sum", "%clients\n:allow\n64.1-3.:allow,RELAYPROXY=\"\"\n64.0.0.0/8:allow,RELAYPROXY=\"\"" MARK
    "\n65.1.1.1:allow,RELAYPROXY=\"\"\n" },
  { "large-sum", "%relay\ngrant device 64.0.0.0/9 from any to any" MARK "\ngrant device 65.0.0.0/9 from any to any\n"
    "grant device 66.0.0.0/24 from any to any\n" },
  { "large-sum", "%relay\ngrant to-host 2600::/17\ngrant to-host 2700::/16" MARK "\n" },
  { "translated", "%clients\n:allow\n64:ff9b::c000:201:allow,RELAYCLIENT=\"\"" MARK "\n" },
  { "translated", "%clients\n:allow\n2002:4000::/32:allow,RELAYPROXY=\"\"" MARK "\n" },
  { "translated", "%relay\ngrant device 2001::1/128 from any to any" MARK "\n" },
  { "translated", "%relay\ngrant to-host 64:ff9b::4000:0/112" MARK "\n" },
  { "by-name", "%clients\n:allow\n=a.example:allow,RELAYCLIENT=\"\"" MARK "\n" },
  { "appended-value", "%clients\n:allow\n10.0.0.1:allow,RELAYCLIENT=\".x\",A=\" # y\"" MARK "\n" },
  { "deny-variables", "%clients\n:allow\n10.0.0.1:deny,A=\"# ok: mapped\"" MARK "\n" },
  { "mapped", "%clients\n:allow\n::ffff:10.0.0.1:allow" MARK "\n" },
  { "no-recipients", "%domains\na.example listed" MARK "\n" },
  { "any-listed", "%domains\na.example" MARK "\n%recipients\nx@a.example\n" },
  { "deny-hosted", "%domains\na.example\n%relay\ndeny to a.example" MARK "\n" },
  { "deny-hosted", "%domains\nb.a.example" MARK "\n%relay\ndeny to .a.example\n" },
  { "unknown-target", "%domains\na.example listed\n%aliases\nx@a.example y@a.example" MARK "\n" },
  { "catch-all", "%domains\na.example asked\n%aliases\n@a.example y@b.example" MARK "\n" },
  { "nobody-relays", "%relay\nrequire sender hosted" MARK "\n" },
  { "long-pop", "%relay\ngrant pop 5000" MARK "\n" },
  { "odd-listener", "%relay\ngrant pop on 25" MARK "\n" },
  { "unused", "%relay\ngrant pop bound" MARK "\n" },
  { "unbound", "%users\na -\n%relay\ngrant login\ngrant pop bound" MARK "\n" },
  { "self-route", "%routes\na.example:127.0.0.1" MARK "\n" },
  { "mx-names", "%routes\na.example: tls=verify" MARK "\n" },
  { "unverified", "%routes\n:b.example:587 tls=required\n%logins\nb.example u p" MARK "\n" },
  { "any-relay", "%routes\n:b.example tls=verify\na.example:/run/s\n%logins\nfrom:@a.example u p" MARK "\n" },
  { "fewer-hashes", "%users\na {CRAM-MD5}" STATES "\n"
    "b $2b$12$x8EFD0LxL47vUHs/cmLG2eV.2dJQ2q3aPWOig3S2lPUKPyhuBYCfm" MARK "\n" },
  { "foreign-sender", "%users\na - from x@a.example" MARK "\n" },
};

/* The text with something at the marked line's end. */
static char *marked(char const *text, char const *comment)
{
  stralloc s = STRALLOC_ZERO;
  char const *at = strstr(text, MARK);
  assert_non_null(at);
  assert_true(stralloc_catb(&s, text, (size_t)(at - text)) && stralloc_cats(&s, comment) && stralloc_cats(&s, at + 1) &&
              stralloc_0(&s));
  return s.s;
}

/* Compiles; true when exactly one warning was told, which ends so. */
static int warned(char const *text, char const *comment, char const *ending)
{
  int fd;
  char *s = marked(text, comment);
  CHECK(several(s, &fd) == 0, "%s%s", s, said.s);
  close(fd);
  free(s);
  char const *lf = strchr(said.s, '\n');
  size_t n = strlen(said.s), len = strlen(ending);
  return lf && !lf[1] && n > len && !strcmp(said.s + n - len, ending);
}

/* Each is told without a mark and with another one's word, and left out with its own; the word alone is said. */
static void each_word(void **state)
{
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char ending[100], own[100];
    snprintf(ending, sizeof ending, "; if that is meant, end the line with `# ok: %s`\n", all[i].word);
    snprintf(own, sizeof own, " # ok: %s", all[i].word);
    CHECK(warned(all[i].text, "", ending), "%s: %s", all[i].word, said.s);
    CHECK(warned(all[i].text, " # it is ok: large-prefix, gateway", ending), "%s: %s", all[i].word, said.s);
    CHECK(warned(all[i].text, " # ok: gateway", ending), "%s: %s", all[i].word, said.s);
    warned(all[i].text, own, "");
    CHECK(!*said.s, "%s: %s", all[i].word, said.s);
  }
}

/* No word is without a case above; test_neighbours has `gateway`. */
static void no_word_left_out(void **state)
{
  static char const *const words[] = {
#define X(name, word, about) word,
    WARNINGS(X)
#undef X
  };
  for (size_t i = 0; i < WARNING_COUNT; i++) {
    size_t k = 0;
    while (k < sizeof all / sizeof *all && strcmp(all[k].word, words[i])) k++;
    CHECK(k < sizeof all / sizeof *all || !strcmp(words[i], "gateway"), "%s", words[i]);
  }
}

/* The forms of the comment, and what is wrong with it. */
static void comments(void **state)
{
  static char const pop[] = "%relay\ngrant pop 5000" MARK "\n";
#define STALE(word) "1: warning: `ok: " word "` silences nothing here any more: take it out\n"
#define TOLD "1: warning: 5000 seconds after a POP login somebody else may have its address [long-pop]\n"
  static struct { char const *comment, *why; int wrong; } const rows[] = {
    { "#ok:long-pop", "1: `5000#ok:long-pop` is no number of seconds from 1 to 86400\n", 1 },
    { " #ok:long-pop", "", 0 }, { "\t#\t ok: \t long-pop \t", "", 0 }, { " # ok: long-pop; we know them all", "", 0 },
    { " # ok: ,long-pop,", "", 0 }, { " # ok: long-pop # yes", "1: `ok:` with `#`, which is no warning's word\n"
      "1: `ok:` with `yes`, which is no warning's word\n", 1 },
    { " # OK: long-pop", TOLD, 0 }, { " # ok long-pop", TOLD, 0 }, { " # ok; long-pop", TOLD, 0 },
      { " # fine; ok: long-pop",
      TOLD, 0 },
    { " # ok:", "1: `ok:` without the word of a warning\n" TOLD, 1 }, { " # ok: ; long-pop",
      "1: `ok:` without the word of a warning\n" TOLD, 1 },
    { " # ok: Long-pop", "1: `ok:` with `Long-pop`, which is no warning's word\n" TOLD, 1 },
    { " # ok: long-po", "1: `ok:` with `long-po`, which is no warning's word\n" TOLD, 1 },
    { " # ok: long-pop,unused", STALE("unused"), 0 }, { " # ok: unused long-pop mapped",
      STALE("unused") STALE("mapped"), 0 },
    { " # ok: long-pop long-pop", STALE("long-pop"), 0 }, { " # ok: unused", TOLD STALE("unused"), 0 },
    { " # ok: gateway", TOLD, 0 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd;
    char *s = marked(pop, rows[i].comment);
    int result = several(s, &fd);
    char *why = in_brief("relay");
    CHECK(!strcmp(why, rows[i].why) && result == rows[i].wrong, "%s\n%s", rows[i].comment, why);
    free(why);
    free(s);
    close(fd);
  }
}

/* Of many warnings of a kind ten are told, and how many more there are; other kinds, and errors, are not held back. */
static void many(void **state)
{
  (void)state;
  for (unsigned n = 10; n < 40; n += n == 11 ? 20 : 1) {
    stralloc s = STRALLOC_ZERO;
    char line[100];
    int fd;
    assert_true(stralloc_cats(&s, "%relay\ngrant pop 5000\n%domains\n"));
    for (unsigned i = 0; i < n; i++) {
      snprintf(line, sizeof line, "d%u.example listed\n", i);
      assert_true(stralloc_cats(&s, line));
    }
    assert_true(stralloc_0(&s));
    assert_int_equal(several(s.s, &fd), 0);
    close(fd);
    unsigned lines = 0;
    for (char const *at = said.s; (at = strchr(at, '\n')); at++) lines++;
    CHECK(lines == (n <= 11 ? n + 1 : 12), "%u: %s", n, said.s);
    snprintf(line, sizeof line, "domains:11: warning: from here on %u more of this kind; ", n - 10);
    CHECK(!!strstr(said.s, line) == (n > 11), "%s", said.s);
    assert_non_null(strstr(said.s, "`# ok: long-pop`"));
    stralloc_free(&s);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(many), cmocka_unit_test(each_word), cmocka_unit_test(no_word_left_out), cmocka_unit_test(comments),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
