/* Looking up a verb. */
#include <string.h>
#include <strings.h>
#include "smtp/command.h"

static int blank(char c)
{
  return c == ' ' || c == '\t';
}

struct command const *command_find(struct command const *table, char const *line, size_t n, char const **arg,
                                   size_t *len)
{
  size_t verb = 0;
  while (n && blank(line[n - 1])) n--;
  while (verb < n && !blank(line[verb])) verb++;
  size_t at = verb;
  while (at < n && blank(line[at])) at++;
  *arg = line + at;
  *len = n - at;
  while (table->verb && (strlen(table->verb) != verb || strncasecmp(table->verb, line, verb))) table++;
  return table;
}
