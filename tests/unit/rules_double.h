/* A control directory in memory, compiled and opened: for tests of what stands on the tables. */
#ifndef TESTS_RULES_DOUBLE_H
#define TESTS_RULES_DOUBLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <skalibs/stralloc.h>

#include "rules/compile.h"
#include "table/table.h"

/* The complaints of the last compilation, a line each. */
static stralloc said = STRALLOC_ZERO;

static void say(void *arg, int warning, char const *line)
{
  assert_ptr_equal(arg, &said);
  assert_int_equal(warning, strstr(line, ": warning: ") != 0);
  assert_null(strchr(line, '\n'));
  assert_true(stralloc_cats(&said, line) && stralloc_catb(&said, "\n", 1));
}

/* Compiles texts into a new file, those of `users` and `logins` into ones that are gone.
 * Returns its descriptor and, in *result, what the compiler returned. */
static int compiled(struct rules_text const *texts, size_t n, int *result)
{
  FILE *f = tmpfile();
  assert_non_null(f);
  int fd = dup(fileno(f));
  assert_true(fd >= 0);
  fclose(f);
  said.len = 0;
  FILE *users = tmpfile();
  assert_non_null(users);
  FILE *logins = tmpfile();
  assert_non_null(logins);
  struct rules_private with = { fileno(users), "the secret that users.cdb holds.", fileno(logins) };
  *result = rules_compile_all(texts, n, 0, fd, &with, say, &said);
  fclose(users);
  fclose(logins);
  assert_true(stralloc_0(&said));
  return fd;
}

/* Compiles texts and opens the result. Null when they are wrong. */
static inline struct table_set *try_texts(struct rules_text const *texts, size_t n)
{
  int result, fd = compiled(texts, n, &result);
  struct table_set *t = result ? 0 : table_open_fd(fd);
  close(fd);
  if (!result) assert_non_null(t);
  return t;
}

/* Compiles texts, which must be right, and opens the result. */
static inline struct table_set *open_texts(struct rules_text const *texts, size_t n)
{
  struct table_set *t = try_texts(texts, n);
  if (!t) print_error("%s", said.s);
  assert_non_null(t);
  return t;
}

/* Compiles `me` and the texts given, null for none, which must be right, and opens the result. */
static inline struct table_set *rules(char const *clients, char const *domains, char const *relay, char const *routes,
                               char const *limits)
{
  char const *const names[] = { "clients", "domains", "relay", "routes", "limits" };
  char const *const contents[] = { clients, domains, relay, routes, limits };
  struct rules_text texts[6] = { { "me", "relay.example\n", 14 } };
  size_t n = 1;
  for (size_t i = 0; i < 5; i++)
    if (contents[i]) texts[n++] = (struct rules_text){ names[i], contents[i], strlen(contents[i]) };
  return open_texts(texts, n);
}

#endif
