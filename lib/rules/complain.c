/* Complaints are kept until all files are read, and told in the order of files and lines. A line may say with `# ok:
 * WORD` that what a warning is about is meant; then the warning is left out. Such a word that silences nothing is
 * warned of: what it stood for is gone. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rules/rules.h"

#define COMPLAINT 1200 /* bytes */
#define STALE WARNING_COUNT
#define OF_A_KIND 10   /* warnings told one by one */

struct complaint {
  uint8_t file;
  uint8_t error;
  uint8_t word;      /* not an error: enum warning, or STALE */
  uint32_t line;
  uint32_t number;   /* the order in which they were found */
  size_t text;       /* within report.texts */
};

/* `# ok: WORD`. */
struct mark {
  uint8_t file, word, used;
  uint32_t line;
};

static char const *const words[] = {
#define X(name, word, about) word,
  WARNINGS(X)
#undef X
};

static void keep(struct compiler *c, struct complaint x, char const *format, va_list args)
{
  char why[COMPLAINT - 100];
  if (c->hush) {
    c->wrong |= x.error;
    return;
  }
  vsnprintf(why, sizeof why, format, args);
  x.text = c->report.texts.len;
  x.number = c->report.found++;
  if (x.error) c->wrong = 1;
  if (!stralloc_cats(&c->report.texts, why) || !stralloc_0(&c->report.texts) ||
      !genalloc_append(struct complaint, &c->report.all, &x)) c->broken = ENOMEM;
}

void rules_error(struct compiler *c, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  keep(c, (struct complaint){ .file = (uint8_t)c->file, .line = c->line, .error = 1 }, format, args);
  va_end(args);
}

void rules_error_at(struct compiler *c, enum file file, uint32_t line, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  keep(c, (struct complaint){ .file = (uint8_t)file, .line = line, .error = 1 }, format, args);
  va_end(args);
}

void rules_warn(struct compiler *c, enum warning w, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  keep(c, (struct complaint){ .file = (uint8_t)c->file, .line = c->line, .word = (uint8_t)w }, format, args);
  va_end(args);
}

void rules_warn_at(struct compiler *c, enum warning w, enum file file, uint32_t line, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  keep(c, (struct complaint){ .file = (uint8_t)file, .line = line, .word = (uint8_t)w }, format, args);
  va_end(args);
}

/* Remembers that the line being read means what `word` stands for. */
static void mark(struct compiler *c, struct word word)
{
  struct mark m = { .file = (uint8_t)c->file, .line = c->line };
  struct quoted q;
  while (m.word < WARNING_COUNT && !rules_is(word, words[m.word])) m.word++;
  if (m.word == WARNING_COUNT && c->file == FILE_LOGINS)
    rules_error(c, "`ok:` with what is no warning's word");
  else if (m.word == WARNING_COUNT)
    rules_error(c, "`ok:` with %s, which is no warning's word", quote(&q, word.s, word.n));
  else if (!genalloc_append(struct mark, &c->report.marks, &m)) c->broken = ENOMEM;
}

void rules_comment(struct compiler *c, char const *s, size_t n)
{
  size_t i = 1, count = 0;
  while (i < n && rules_blank(s[i])) i++;
  if (n - i < 3 || memcmp(s + i, "ok:", 3)) return;
  char const *end = memchr(s + i, ';', n - i);
  if (end) n = (size_t)(end - s);
  for (i += 3; ; count++) {
    while (i < n && (rules_blank(s[i]) || s[i] == ',')) i++;
    size_t start = i;
    while (i < n && !rules_blank(s[i]) && s[i] != ',') i++;
    if (i == start) break;
    mark(c, (struct word){ s + start, i - start });
  }
  if (!count) rules_error(c, "`ok:` without the word of a warning");
}

static int by_place(void const *x, void const *y)
{
  struct complaint const *a = x, *b = y;
  if (a->file != b->file) return a->file < b->file ? -1 : 1;
  if (a->line != b->line) return a->line < b->line ? -1 : 1;
  return a->number < b->number ? -1 : 1;
}

/* Is it meant? Marks stand in the order of files and lines. */
static int silenced(struct compiler *c, struct complaint const *x)
{
  struct mark *m = genalloc_s(struct mark, &c->report.marks);
  size_t n = genalloc_len(struct mark, &c->report.marks), low = 0, high = n;
  if (x->error || x->word == STALE) return 0;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (m[middle].file < x->file || (m[middle].file == x->file && m[middle].line < x->line)) low = middle + 1;
    else high = middle;
  }
  for (; low < n && m[low].file == x->file && m[low].line == x->line; low++)
    if (m[low].word == x->word) return m[low].used = 1;
  return 0;
}

static void keep_stale(struct compiler *c, struct mark const *m, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  keep(c, (struct complaint){ .file = m->file, .line = m->line, .word = STALE }, format, args);
  va_end(args);
}

/* Marks that silence nothing. One about the network that this host is in may be of use tomorrow, or on another host. */
static void add_stale(struct compiler *c)
{
  struct mark const *m = genalloc_s(struct mark, &c->report.marks);
  for (size_t i = 0; i < genalloc_len(struct mark, &c->report.marks); i++)
    if (!m[i].used && m[i].word != WARN_GATEWAY)
      keep_stale(c, m + i, "`ok: %s` silences nothing here any more: take it out", words[m[i].word]);
}

/* The eleventh warning of a kind speaks for all that follow; errors are told one by one. */
static void tell_rest(struct compiler *c, struct complaint const *x, size_t rest)
{
  char text[COMPLAINT];
  if (x->word == STALE)
    snprintf(text, sizeof text, "%s:%u: warning: from here on %zu more `ok:` that silences nothing",
             rules_file_name(x->file), (unsigned)x->line, rest);
  else
    snprintf(text, sizeof text, "%s:%u: warning: from here on %zu more of this kind; if that is meant, end the line "
             "with `# ok: %s`", rules_file_name(x->file), (unsigned)x->line, rest, words[x->word]);
  c->complain(c->arg, 1, text);
}

static void tell(struct compiler *c, struct complaint const *x)
{
  char text[COMPLAINT];
  char const *file = rules_file_name(x->file), *why = c->report.texts.s + x->text;
  if (x->error) snprintf(text, sizeof text, "%s:%u: %s", file, (unsigned)x->line, why);
  else if (x->word == STALE) snprintf(text, sizeof text, "%s:%u: warning: %s", file, (unsigned)x->line, why);
  else snprintf(text, sizeof text, "%s:%u: warning: %s; if that is meant, end the line with `# ok: %s`", file,
                (unsigned)x->line, why, words[x->word]);
  c->complain(c->arg, !x->error, text);
}

void rules_report(struct compiler *c)
{
  genalloc *all = &c->report.all;
  size_t n = genalloc_len(struct complaint, all), kept = 0, all_of[STALE + 1] = { 0 }, told[STALE + 1] = { 0 };
  struct complaint *x = genalloc_s(struct complaint, all);
  for (size_t i = 0; i < n; i++)
    if (!silenced(c, x + i)) x[kept++] = x[i];
  genalloc_setlen(struct complaint, all, kept);
  if (!c->wrong && !c->broken) add_stale(c);
  n = genalloc_len(struct complaint, all);
  x = genalloc_s(struct complaint, all);
  if (n) qsort(x, n, sizeof *x, by_place);
  for (size_t i = 0; i < n; i++) all_of[x[i].word] += !x[i].error;
  for (size_t i = 0; i < n; i++) {
    size_t number = x[i].error ? 0 : ++told[x[i].word];
    if (number <= OF_A_KIND || all_of[x[i].word] == OF_A_KIND + 1) tell(c, x + i);
    else if (number == OF_A_KIND + 1) tell_rest(c, x + i, all_of[x[i].word] - OF_A_KIND);
  }
  stralloc_free(&c->report.texts);
  genalloc_free(struct complaint, all);
  genalloc_free(struct mark, &c->report.marks);
}
