/* The compiler's frame: files into lines, lines to their handlers, complaints to the caller. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "base/limits.h"
#include "rules/rules.h"

static struct { char const *name; void (*line)(struct compiler *, char const *, size_t); } const files[] = {
#define X(name, file, handler) { file, handler },
  FILES(X)
#undef X
};

char const *rules_file_name(enum file file)
{
  return files[file].name;
}

/* Cuts the comment off, a `#` behind a blank. Returns what is left. */
static size_t cut_comment(struct compiler *c, char const *s, size_t n)
{
  size_t i = 1;
  while (i < n && (s[i] != '#' || !rules_blank(s[i - 1]))) i++;
  if (i == n) return n;
  rules_comment(c, s + i, n - i);
  while (rules_blank(s[i - 1])) i--;
  return i;
}

/* One line, without its LF. */
static void read_line(struct compiler *c, char const *s, size_t n)
{
  if (n && s[n - 1] == '\r') n--;
  while (n && rules_blank(s[n - 1])) n--;
  for (; n && rules_blank(*s); n--) s++;
  if (!n || *s == '#') return;
  if (n > LIMIT_RULE_LINE) rules_error(c, "a line of %zu bytes; %d are allowed", n, LIMIT_RULE_LINE);
  else if (memchr(s, 0, n)) rules_error(c, "a NUL byte");
  else if (memchr(s, '\r', n)) rules_error(c, "a carriage return within the line");
  else files[c->file].line(c, s, c->file == FILE_CLIENTS || c->file == FILE_LOGINS ? n : cut_comment(c, s, n));
}

static void read_text(struct compiler *c, struct rules_text const *text)
{
  char const *s = text->s, *end = s + text->len;
  c->line = 1;
  if (text->len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) {
    rules_error(c, "the file begins with a byte order mark: save it without");
    s += 3;
  }
  for (; s < end && !c->broken; c->line++) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    read_line(c, s, (size_t)((lf ? lf : end) - s));
    s = lf ? lf + 1 : end;
  }
}

/* What only the whole shows. */
static void check_all(struct compiler *c)
{
  static void (*const checks[])(struct compiler *) = {
    rules_check_clients, rules_check_domains, rules_check_mailboxes, rules_check_targets, rules_check_relay,
    rules_check_users, rules_check_logins,
  };
  if (!seen_line(&c->seen, TABLE_ME, "", 0) && !c->wrong)
    rules_error_at(c, FILE_ME, 1, "missing: the file `me` holds the name of this host");
  rules_clients_end(c);
  rules_aliases_end(c);
  rules_relay_end(c);
  rules_users_end(c);
  if (!c->wrong) trust_end(c);
  for (size_t i = 0; i < sizeof checks / sizeof *checks && !c->wrong && !c->broken; i++) checks[i](c);
}

/* Is this file to be read at all? */
static int wanted(struct compiler const *c)
{
  if (c->file == FILE_LOGINS) return c->logins.table != 0;
  return c->file != FILE_USERS || c->users.table || c->pop.bound;
}

static void compile(struct compiler *c, struct rules_text const *texts, size_t n)
{
  for (c->file = 0; c->file < FILE_COUNT; c->file++)
    for (size_t k = 0; k < n && !c->broken; k++)
      if (!strcmp(files[c->file].name, texts[k].file) && wanted(c)) read_text(c, texts + k);
  if (!c->broken) check_all(c);
}

/* The tables are written, or given up. */
static void finish(struct compiler *c, struct neighbours const *around, int fd)
{
  struct table_builder *users = c->users.table, *logins = c->logins.table;
  if (c->broken || c->wrong) {
    table_abandon(c->table);
    table_abandon(users);
    table_abandon(logins);
    return;
  }
  if (table_finish(c->table) < 0 || (around && rules_check_neighbours(c, around, fd) < 0)) c->broken = errno;
  if (users && table_finish(users) < 0) c->broken = errno;
  if (logins && table_finish(logins) < 0) c->broken = errno;
}

/* Returns 0, or -1 with errno. */
static int start_private(struct compiler *c, struct rules_private const *private)
{
  if (private->users >= 0) {
    if (!(c->users.table = table_build_users(private->users))) return -1;
    memcpy(c->users.about.secret, private->secret, USERS_SECRET);
  }
  return private->logins >= 0 && !(c->logins.table = table_build_logins(private->logins)) ? -1 : 0;
}

int rules_compile_all(struct rules_text const *texts, size_t n, struct neighbours const *around, int fd,
                      struct rules_private const *private, complain_fn *complain, void *arg)
{
  struct compiler c = { .complain = complain, .arg = arg, .table = table_build(fd) };
  if (!c.table) return -1;
  if (private && start_private(&c, private) < 0) {
    int e = errno;
    table_abandon(c.table);
    table_abandon(c.users.table);
    return errno = e, -1;
  }
  compile(&c, texts, n);
  finish(&c, around, fd);
  rules_report(&c);
  seen_free(&c.seen);
  stralloc_free(&c.data);
  genalloc_free(struct hosted, &c.hosted);
  rules_aliases_free(&c);
  rules_users_free(&c);
  rules_logins_free(&c);
  trust_free(&c);
  if (c.broken) return errno = c.broken, -1;
  return c.wrong;
}

int rules_compile_beside(struct rules_text const *texts, size_t n, struct neighbours const *around, int fd,
                         complain_fn *complain, void *arg)
{
  return rules_compile_all(texts, n, around, fd, 0, complain, arg);
}

int rules_compile_texts(struct rules_text const *texts, size_t n, int fd, complain_fn *complain, void *arg)
{
  return rules_compile_beside(texts, n, 0, fd, complain, arg);
}

/* Reads the files into texts. Returns 0, or -1 with errno after naming the file that can't be read. */
static int read_files(char const *dir, struct rules_text *texts, char **data, struct rules_private const *private,
                      complain_fn *complain, void *arg)
{
  stralloc path = STRALLOC_ZERO;
  int failed = 0;
  for (size_t i = 0; i < FILE_COUNT && !failed; i++) {
    texts[i] = (struct rules_text){ .file = files[i].name };
    if (i == FILE_USERS && (!private || private->users < 0)) continue;
    if (i == FILE_LOGINS && (!private || private->logins < 0)) continue;
    path.len = 0;
    if (!stralloc_cats(&path, dir) || !stralloc_cats(&path, "/") || !stralloc_cats(&path, files[i].name) ||
        !stralloc_0(&path)) {
      failed = ENOMEM;
    } else if (io_slurp(path.s, RULES_FILE_MAX, &data[i], &texts[i].len) == 0) {
      texts[i].s = data[i];
    } else if (errno != ENOENT) {
      char why[200];
      failed = errno;
      snprintf(why, sizeof why, "%s:1: unable to read: %s", files[i].name, strerror(failed));
      complain(arg, 0, why);
    }
  }
  stralloc_free(&path);
  return failed ? errno = failed, -1 : 0;
}

int rules_compile_private(char const *dir, struct neighbours const *around, int fd,
                          struct rules_private const *private, complain_fn *complain, void *arg)
{
  struct rules_text texts[FILE_COUNT];
  char *data[FILE_COUNT] = { 0 };
  int r = read_files(dir, texts, data, private, complain, arg);
  if (r == 0) rules_misnamed(dir, complain, arg);
  if (r == 0) r = rules_compile_all(texts, FILE_COUNT, around, fd, private, complain, arg);
  int e = errno;
  for (size_t i = 0; i < FILE_COUNT; i++) free(data[i]);
  errno = e;
  return r;
}

int rules_compile(char const *dir, struct neighbours const *around, int fd, complain_fn *complain, void *arg)
{
  return rules_compile_private(dir, around, fd, 0, complain, arg);
}
