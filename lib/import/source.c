/* The source's files in memory, line by line and word by word. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/io.h"
#include "import/source.h"
#include "rules/compile.h"

static int blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

int text_is(struct text t, char const *word)
{
  return t.n == strlen(word) && !memcmp(t.s, word, t.n);
}

int text_is_word(struct text t, char const *word)
{
  return t.n == strlen(word) && !strncasecmp(t.s, word, t.n);
}

struct text text_trim(struct text t)
{
  for (; t.n && blank(*t.s); t.n--) t.s++;
  while (t.n && blank(t.s[t.n - 1])) t.n--;
  return t;
}

static int cut_word(struct text *rest, struct text *word, char comma)
{
  unsigned depth = 0;
  size_t n = 0;
  for (; rest->n && (blank(*rest->s) || *rest->s == comma); rest->n--) rest->s++;
  for (; n < rest->n && (depth || (!blank(rest->s[n]) && rest->s[n] != comma)); n++) {
    if (rest->s[n] == '{') depth++;
    if (rest->s[n] == '}' && depth) depth--;
  }
  *word = (struct text){ rest->s, n };
  if (!n) return 0;
  rest->s += n;
  rest->n -= n;
  return 1;
}

int text_word(struct text *rest, struct text *word)
{
  return cut_word(rest, word, ',');
}

int text_argument(struct text *rest, struct text *word)
{
  return cut_word(rest, word, ' ');
}

int text_cut(struct text t, char at, struct text *before, struct text *rest)
{
  char const *s = t.n ? memchr(t.s, at, t.n) : 0;
  if (!s) return 0;
  *before = (struct text){ t.s, (size_t)(s - t.s) };
  *rest = (struct text){ s + 1, t.n - before->n - 1 };
  return 1;
}

char const *import_path(struct import *x, char const *dir, char const *name)
{
  if (x->broken) return 0; /* the path stays the one that did it */
  x->path.len = 0;
  if ((!dir || (stralloc_cats(&x->path, dir) && stralloc_cats(&x->path, "/"))) && stralloc_cats(&x->path, name) &&
      stralloc_0(&x->path)) return x->path.s;
  x->broken = ENOMEM;
  return 0;
}

int source_open(struct import *x, struct source *f, char const *dir, char const *name)
{
  *f = (struct source){ .name = name };
  if (!import_path(x, dir, name)) return -1;
  if (!io_slurp(x->path.s, RULES_FILE_MAX, &f->s, &f->len)) return 1;
  if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR || errno == ENAMETOOLONG) return 0;
  x->broken = errno;
  return -1;
}

void source_close(struct source *f)
{
  free(f->s);
  f->s = 0;
}

int source_line(struct source *f, struct text *line)
{
  if (!f->s || f->at >= f->len) return 0;
  char const *s = f->s + f->at, *lf = memchr(s, '\n', f->len - f->at);
  *line = (struct text){ s, lf ? (size_t)(lf - s) : f->len - f->at };
  f->at += line->n + (lf != 0);
  f->line++;
  return 1;
}

struct place source_place(struct source const *f)
{
  return (struct place){ f->name, f->line };
}
