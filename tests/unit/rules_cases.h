/* Case tables for the compiler of control directories: texts, what they compile to, and what is said of them. */
#ifndef TESTS_RULES_CASES_H
#define TESTS_RULES_CASES_H

#include "rules_double.h"
#include "unit.h"

/* A text alone, or after others. What it compiles to: the letter, the key, `@` and the line, `=` and the data of each
 * record, with NUL as `|` and control bytes as {decimal}; but not `me`. */
struct good_case {
  char const *file, *text, *records;
};
/* What is said: `file:` is left out when it is this file's; after `known:` all is left out; of a warning's words on how
 * to silence it `[word]` is left. */
struct bad_case {
  char const *file, *text, *why;
};

static inline void dump(stralloc *out, struct table_set const *t)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record r;
  int found;
  char line[16];
  while ((found = table_next(t, &pos, &which, &key, &n, &r)) > 0) {
    if (which == TABLE_ME) continue;
    char letter = (char)which;
    int lengths = r.line == 0;
    snprintf(line, sizeof line, "@%u=", (unsigned)r.line);
    for (size_t i = 0; i < n + r.len + 2; i++) {
      char const *s = i == 0 ? &letter : i <= n ? key + i - 1 : r.data + i - n - 2;
      if (i == n + 1) assert_true(stralloc_cats(out, line));
      else if (!*s) assert_true(stralloc_catb(out, "|", 1));
      else if (*s < ' ' || *s == 0x7f || (i > n && lengths)) {
        char number[16];
        snprintf(number, sizeof number, "{%u}", (unsigned)(unsigned char)*s);
        assert_true(stralloc_cats(out, number));
      } else assert_true(stralloc_catb(out, s, 1));
    }
    assert_true(stralloc_catb(out, " ", 1));
  }
  assert_int_equal(found, 0);
  assert_true(stralloc_0(out));
}

/* Compiles several files in one text, each after a line `%NAME`, with a `me` unless it is there. */
static inline int several(char const *text, int *fd)
{
  struct rules_text texts[10] = { { "me", "relay.example", 13 } };
  char names[10][20];
  size_t n = 1;
  int result;
  for (char const *s = text; *s; ) {
    char const *lf = strchr(s, '\n'), *end = strstr(lf, "\n%");
    assert_true(*s == '%' && n < 10);
    snprintf(names[n], sizeof names[n], "%.*s", (int)(lf - s - 1), s + 1);
    end = end ? end + 1 : s + strlen(s);
    texts[strcmp(names[n], "me") ? n : 0] = (struct rules_text){ strcmp(names[n], "me") ? names[n] : "me", lf + 1,
      (size_t)(end - lf - 1) };
    if (strcmp(names[n], "me")) n++;
    s = end;
  }
  *fd = compiled(texts, n, &result);
  return result;
}

/* A text of one file. */
static inline int alone(char const *file, char const *text, int *fd)
{
  struct rules_text texts[] = { { file, text, strlen(text) }, { "me", "relay.example", 13 } };
  int result;
  *fd = compiled(texts, strcmp(file, "me") ? 2 : 1, &result);
  return result;
}

/* A file's name, or `%`: several files follow. */
static inline int compile_case(char const *file, char const *text, int *fd)
{
  return *file == '%' ? several(text, fd) : alone(file, text, fd);
}

/* Takes what need not be repeated out of a piece of what was said, and the file's name at its start. */
static inline void brief(stralloc *out, char const *file, char const *line, size_t n)
{
  static char const known[] = "known:", silence[] = "; if that is meant, end the line with `# ok: ";
  size_t name = strlen(file);
  char *s = malloc(n + 1), *at;
  assert_non_null(s);
  memcpy(s, line, n);
  s[n] = 0;
  if ((at = strstr(s, known))) at[sizeof known - 1] = 0;
  assert_true(!strstr(s, ": warning: ") || strstr(s, silence) || strstr(s, "silences nothing"));
  if ((at = strstr(s, silence))) {
    char *word = at + sizeof silence - 1;
    size_t len = strlen(word);
    assert_true(len > 1 && word[len - 1] == '`');
    word[len - 1] = ']';
    memmove(at, " [", 2);
    memmove(at + 2, word, len + 1);
  }
  at = s;
  if (!strncmp(s, file, name) && s[name] == ':') at += name + 1;
  assert_true(stralloc_cats(out, at) && stralloc_catb(out, "\n", 1));
  free(s);
}

/* What was said, short, but for the warning about a missing line for everybody in `clients`; to be freed. */
static inline char *in_brief(char const *file)
{
  stralloc out = STRALLOC_ZERO;
  for (char const *s = said.s, *lf; *s; s = lf + 1) {
    lf = strchr(s, '\n');
    assert_non_null(lf);
    char const *missing = strstr(s, "no line for everybody else");
    if (!missing || missing > lf) brief(&out, file, s, (size_t)(lf - s));
  }
  assert_true(stralloc_0(&out));
  return out.s;
}

static inline void check_good(struct good_case const *good, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    stralloc records = STRALLOC_ZERO;
    int fd, result = compile_case(good[i].file, good[i].text, &fd);
    char *why = in_brief(good[i].file);
    CHECK(!result && !*why, "%s%s", good[i].text, why);
    free(why);
    struct table_set *t = table_open_fd(fd);
    assert_non_null(t);
    dump(&records, t);
    CHECK(!strcmp(records.s, good[i].records), "%s%s\nnot %s", good[i].text, records.s, good[i].records);
    table_close(t);
    close(fd);
    stralloc_free(&records);
  }
}

static inline void check_said(struct bad_case const *cases, size_t n, int wanted)
{
  for (size_t i = 0; i < n; i++) {
    int fd, result = compile_case(cases[i].file, cases[i].text, &fd);
    char *why = in_brief(cases[i].file);
    CHECK(!strcmp(why, cases[i].why) && result == wanted, "%s--- said (%d):\n%s--- wanted (%d):\n%s", cases[i].text,
      result,
          why, wanted, cases[i].why);
    free(why);
    close(fd);
  }
}
#define GOOD(cases) check_good(cases, sizeof cases / sizeof *cases)
#define ERRORS(cases) check_said(cases, sizeof cases / sizeof *cases, 1)
#define WARNINGS_OF(cases) check_said(cases, sizeof cases / sizeof *cases, 0)

#endif
