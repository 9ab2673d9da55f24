/* The compiler's frame: files into lines, lines to their handlers, complaints to the caller. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "base/limits.h"
#include "rules/rules.h"

static struct { char const *file; void (*line)(struct compiler *, char const *, size_t); } const files[] = {
  { "me", rules_me },
  { "clients", rules_clients },
  { "domains", rules_domains },
  { "recipients", rules_recipients },
  { "aliases", rules_aliases },
  { "relay", rules_relay },
  { "routes", rules_routes },
  { "limits", rules_limits },
};
#define FILES (sizeof files / sizeof *files)

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

/* One line, without its LF. */
static void read_line(struct compiler *c, size_t which, char const *s, size_t n)
{
  if (n && s[n - 1] == '\r') n--;
  while (n && blank(s[n - 1])) n--;
  for (; n && blank(*s); n--) s++;
  if (!n || *s == '#') return;
  if (n > LIMIT_RULE_LINE) rules_error(c, "a line of %zu bytes; %d are allowed", n, LIMIT_RULE_LINE);
  else if (memchr(s, 0, n)) rules_error(c, "a NUL byte");
  else if (memchr(s, '\r', n)) rules_error(c, "a carriage return within the line");
  else files[which].line(c, s, n);
}

static void read_text(struct compiler *c, size_t which, struct rules_text const *text)
{
  char const *s = text->s, *end = s + text->len;
  c->file = files[which].file;
  c->line = 1;
  if (text->len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) {
    rules_error(c, "the file begins with a byte order mark: save it without");
    s += 3;
  }
  for (; s < end && !c->broken; c->line++) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    read_line(c, which, s, (size_t)((lf ? lf : end) - s));
    s = lf ? lf + 1 : end;
  }
}

/* What only the whole shows. */
static void check_all(struct compiler *c)
{
  if (!seen_line(&c->seen, TABLE_ME, "", 0) && !c->wrong)
    rules_complain(c, 0, "me", 1, "missing: the file `me` holds the name of this host");
  trust_check(c);
}

static void compile(struct compiler *c, struct rules_text const *texts, size_t n)
{
  for (size_t i = 0; i < FILES; i++)
    for (size_t k = 0; k < n && !c->broken; k++)
      if (!strcmp(files[i].file, texts[k].file)) read_text(c, i, texts + k);
  if (c->broken) return;
  check_all(c);
  rules_clients_end(c);
  rules_aliases_end(c);
  rules_relay_end(c);
}

int rules_compile_texts(struct rules_text const *texts, size_t n, int fd, complain_fn *complain, void *arg)
{
  struct compiler c = { .complain = complain, .arg = arg, .table = table_build(fd) };
  if (!c.table) return -1;
  compile(&c, texts, n);
  seen_free(&c.seen);
  stralloc_free(&c.data);
  rules_aliases_free(&c);
  trust_free(&c.relay);
  trust_free(&c.proxy);
  if (c.broken || c.wrong) table_abandon(c.table);
  else if (table_finish(c.table) < 0) c.broken = errno;
  if (c.broken) return errno = c.broken, -1;
  return c.wrong;
}

/* Reads the files into texts. Returns 0, or -1 with errno after naming the file that can't be read. */
static int read_files(char const *dir, struct rules_text *texts, char **data, complain_fn *complain, void *arg)
{
  stralloc path = STRALLOC_ZERO;
  int failed = 0;
  for (size_t i = 0; i < FILES && !failed; i++) {
    texts[i] = (struct rules_text){ .file = files[i].file };
    path.len = 0;
    if (!stralloc_cats(&path, dir) || !stralloc_cats(&path, "/") || !stralloc_cats(&path, files[i].file) ||
        !stralloc_0(&path)) {
      failed = ENOMEM;
    } else if (io_slurp(path.s, RULES_FILE_MAX, &data[i], &texts[i].len) == 0) {
      texts[i].s = data[i];
    } else if (errno != ENOENT) {
      char why[200];
      failed = errno;
      snprintf(why, sizeof why, "%s:1: unable to read: %s", files[i].file, strerror(failed));
      complain(arg, 0, why);
    }
  }
  stralloc_free(&path);
  return failed ? errno = failed, -1 : 0;
}

int rules_compile(char const *dir, int fd, complain_fn *complain, void *arg)
{
  struct rules_text texts[FILES];
  char *data[FILES] = { 0 };
  int r = read_files(dir, texts, data, complain, arg);
  if (r == 0) r = rules_compile_texts(texts, FILES, fd, complain, arg);
  int e = errno;
  for (size_t i = 0; i < FILES; i++) free(data[i]);
  errno = e;
  return r;
}
