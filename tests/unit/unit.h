/* cmocka with what it needs, and a loop over a table of cases that says which case failed. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define EACH_CASE(c, cases) for (size_t i_ = 0; i_ < sizeof (cases) / sizeof *(cases) && ((c) = &(cases)[i_], 1); i_++)

/* Fails with the case's words when the condition does not hold. */
#define CHECK(condition, ...) \
  do { \
    if (!(condition)) { \
      print_error(__VA_ARGS__); \
      print_error("\n"); \
      fail_msg("%s", #condition); \
    } \
  } while (0)

#endif
