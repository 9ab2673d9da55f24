/* The files to be written, and the list of what could not be. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/limits.h"
#include "base/printable.h"
#include "import/source.h"
#include "parse/address.h"
#include "parse/number.h"

char const *import_name(enum import_file which)
{
  static char const *const names[] = {
#define X(c, file) file,
    IMPORT_FILES(X)
#undef X
  };
  return names[which];
}

/* Appends printable ASCII; what isn't, as \xHH. */
static void put(struct import *x, stralloc *to, char const *s, size_t n)
{
  if (!x->broken && !printable_put(to, s, n)) x->broken = ENOMEM;
}

static void put_place(struct import *x, stralloc *to, struct place from)
{
  char line[NUMBER_TEXT];
  put(x, to, from.file, strlen(from.file));
  if (!from.line) return;
  put(x, to, ":", 1);
  put(x, to, line, number_fmt(line, from.line));
}

static void put_format(struct import *x, stralloc *to, char const *format, va_list args)
{
  char text[2048];
  int n = vsnprintf(text, sizeof text, format, args);
  if (n > 0) put(x, to, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static void end(struct import *x, stralloc *to)
{
  if (!x->broken && !stralloc_catb(to, "\n", 1)) x->broken = ENOMEM;
}

static void note(struct import *x, struct place from, char const *kind, char const *format, va_list args)
{
  put_place(x, &x->notes, from);
  put(x, &x->notes, kind, strlen(kind));
  put_format(x, &x->notes, format, args);
  end(x, &x->notes);
}

void import_left(struct import *x, struct place from, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  note(x, from, ": left out: ", format, args);
  va_end(args);
  x->left++;
}

void import_note(struct import *x, struct place from, char const *format, ...)
{
  va_list args;
  va_start(args, format);
  note(x, from, ": note: ", format, args);
  va_end(args);
}

void import_comment(struct import *x, enum import_file which, char const *format, ...)
{
  va_list args;
  put(x, &x->text[which], "# ", 2);
  va_start(args, format);
  put_format(x, &x->text[which], format, args);
  va_end(args);
  end(x, &x->text[which]);
}

/* A rule's line may be longer than a line of the list, and its values may hold any byte. */
static void put_line(struct import *x, stralloc *to, char const *format, va_list args)
{
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(0, 0, format, args);
  if (n < 0 || !stralloc_readyplus(to, (size_t)n + 1)) x->broken = ENOMEM;
  else vsnprintf(to->s + to->len, (size_t)n + 1, format, again), to->len += (size_t)n;
  va_end(again);
}

int import_line(struct import *x, enum import_file which, char const *key, size_t len, struct place from,
                uint32_t *before, char const *format, ...)
{
  uint32_t line = from.line;
  stralloc *to = &x->text[which];
  int r = names_add(&x->keys[which], key, len, &line);
  if (r < 0) x->broken = ENOMEM;
  if (!r && before) *before = line;
  if (r <= 0) return 0;
  va_list args;
  va_start(args, format);
  put_line(x, to, format, args);
  va_end(args);
  put(x, to, " # ", 3);
  put_place(x, to, from);
  end(x, to);
  return 1;
}

void import_limit(struct import *x, char const *name, struct place from, uint64_t value)
{
  static struct { char const *name; uint64_t least, most; } const rows[] = {
#define X(c, name, def, least, most, unit) { name, least, most },
    LIMITS(X)
#undef X
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].name, name)) continue;
    if (value < rows[i].least || value > rows[i].most)
      import_left(x, from, "%llu is outside of what `%s` in `limits` can be, %llu to %llu", (unsigned long long)value,
                  name, (unsigned long long)rows[i].least, (unsigned long long)rows[i].most);
    else import_line(x, IMPORT_LIMITS, name, strlen(name), from, 0, "%s %llu", name, (unsigned long long)value);
  }
}

size_t import_domain(char out[IMPORT_DOMAIN], struct text t)
{
  struct ip ip;
  if (t.n && *t.s == '[') return address_literal_scan(&ip, t.s, t.n) ? address_literal_fmt(out, &ip) : 0;
  if (!t.n || *t.s != '.') return domain_canon(out, t.s, t.n);
  size_t len = domain_canon(out + 1, t.s + 1, t.n - 1);
  out[0] = '.';
  return len ? 1 + len : 0;
}

int import_number(struct text t, uint64_t *value)
{
  return number_scan(t.s, t.n, UINT32_MAX, value) == NUMBER_OK;
}

void import_free(struct import *x)
{
  for (size_t i = 0; i < IMPORT_COUNT; i++) {
    stralloc_free(&x->text[i]);
    names_free(&x->keys[i]);
  }
  stralloc_free(&x->notes);
  stralloc_free(&x->path);
}
