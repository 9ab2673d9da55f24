/* Bytes from outside never reach a terminal as they are. */
#include <string.h>
#include "explain/print.h"
#include "parse/number.h"

char const *file_name(enum table which)
{
  switch (which) {
#define X(name, letter, file) case name: return file;
    TABLES(X)
    TABLES_OF_USERS(X)
    TABLES_OF_LOGINS(X)
#undef X
  }
  return "";
}

int print_bytes(stralloc *out, char const *s, size_t n)
{
  static char const digits[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    char escape[4] = { '\\', 'x', digits[c >> 4], digits[c & 15] };
    int ok;
    if (c == '\\') ok = stralloc_catb(out, "\\\\", 2);
    else if (c < ' ' || c >= 0x7f) ok = stralloc_catb(out, escape, 4);
    else ok = stralloc_catb(out, s + i, 1);
    if (!ok) return 0;
  }
  return 1;
}

int print(stralloc *out, char const *s)
{
  return print_bytes(out, s, strlen(s));
}

int print_place(stralloc *out, char const *file, uint32_t line)
{
  char digits[NUMBER_TEXT];
  number_fmt(digits, line);
  return PRINT(out, file, ":", digits);
}

int print_all(stralloc *out, char const *const *s)
{
  for (; *s; s++)
    if (!stralloc_cats(out, *s)) return 0;
  return 1;
}

int print_pad(stralloc *out, size_t from, size_t column)
{
  do {
    if (!stralloc_catb(out, " ", 1)) return 0;
  } while (out->len < from + column);
  return 1;
}
