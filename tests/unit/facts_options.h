/* Options read into a question. */
#ifndef TESTS_FACTS_OPTIONS_H
#define TESTS_FACTS_OPTIONS_H

#include "unit.h"
#include "facts/options.h"

static struct question q;

/* Reads options, null-terminated; fails with `bad` null when they are wrong, else they must be, with a part of why. */
static inline void read_options(char const *const *argv, char const *bad)
{
  char const *why = 0;
  question_init(&q);
  for (int n; *argv && !why; argv += n) {
    n = question_option(&q, argv, &why);
    if (!n) why = "unknown";
    if (n <= 0) break;
  }
  if (!why) why = question_finish(&q);
  CHECK(bad ? why && strstr(why, bad) : !why, "%s, wanted: %s", why ? why : "right", bad ? bad : "right");
}

#endif
