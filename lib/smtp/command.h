/* Command tables: one row per verb, the last row is what happens to every other one. */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include <stddef.h>

/* Whether a command takes an argument. */
enum command_argument { ARGUMENT_NONE, ARGUMENT_ANY, ARGUMENT_NEEDED };

struct session;

struct command {
  char const *verb;            /* upper case; null in the last row */
  enum command_argument argument;
  unsigned states;             /* those in which it may come: a set of 1U << state */
  /* Does it. `arg` is the argument without spaces around it; no NUL, CR or LF, any other byte. */
  void (*run)(struct session *s, char const *arg, size_t len);
};

/* Splits line[0..n) into verb and argument and finds the row. *arg and *len: the argument, without spaces (or tabs)
 * around it. */
struct command const *command_find(struct command const *table, char const *line, size_t n, char const **arg,
                                   size_t *len);

#endif
