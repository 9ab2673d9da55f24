/* From the texts of a control directory to a table: reads, checks, complains with file:line, builds. */
#ifndef RULES_COMPILE_H
#define RULES_COMPILE_H

/* Compiles the files of directory `dir` into a new table on fd. Complaints go to `complain`, one `file:line: why` each (no LF within; bytes
 * from the file are escaped). A missing file is an empty one, but for `me`. Returns 0, 1 when an error was found (the table is then useless),
 * -1 on a system error with errno. Warnings do not make it fail. */
typedef void complain_fn(void *arg, int warning, char const *line);
int rules_compile(char const *dir, int fd, complain_fn *complain, void *arg);

#endif
