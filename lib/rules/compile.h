/* From the texts of a control directory to a table: reads, checks, complains with file:line, builds. */
#ifndef RULES_COMPILE_H
#define RULES_COMPILE_H

#include <stddef.h>

#define RULES_FILE_MAX 268435456 /* bytes of a control file */

/* Gets each complaint, `file:line: why`, without LF; bytes from the file that are not printable ASCII are escaped. */
typedef void complain_fn(void *arg, int warning, char const *line);

struct neighbours; /* rules/neighbours.h */

/* Compiles the files of directory `dir` into a new table on fd (empty, read and write). All errors of all files are
 * complained about in one run, in the order of files and lines. A missing file is an empty one, but for `me`. `around`
 * may be null: of those addresses it is warned when the rules trust them. Returns 0, 1 when an error was found (the
 * table is then useless), -1 on a system error with errno. Warnings do not make it fail; a line that says `# ok: WORD`
 * leaves out those of that word (rules/warnings.h). */
int rules_compile(char const *dir, struct neighbours const *around, int fd, complain_fn *complain, void *arg);

/* A control file in memory. */
struct rules_text {
  char const *file;  /* "me", "clients", ...: the names in table/table.h */
  char const *s;     /* its bytes, any; may be null when len is 0 */
  size_t len;
};

/* `users` and `logins` become files of their own, for which whoever asks for them gives this. Where the rules have
 * `grant pop ... bound` the names and senders of `users` go into the rules as well, then also when nobody asks but
 * gives the text. */
struct rules_private {
  int users;           /* a descriptor, empty, read and write; -1: not asked for */
  char const *secret;  /* USERS_SECRET bytes (users/users.h), with users */
  int logins;          /* like users */
};

/* The same with these, which are not even read otherwise. Without an error all files are complete. private may be
 * null. */
int rules_compile_private(char const *dir, struct neighbours const *around, int fd,
                          struct rules_private const *private, complain_fn *complain, void *arg);

/* The same for n texts, each file at most once. The first knows of no addresses around. */
int rules_compile_texts(struct rules_text const *texts, size_t n, int fd, complain_fn *complain, void *arg);
int rules_compile_beside(struct rules_text const *texts, size_t n, struct neighbours const *around, int fd,
                         complain_fn *complain, void *arg);
int rules_compile_all(struct rules_text const *texts, size_t n, struct neighbours const *around, int fd,
                      struct rules_private const *private, complain_fn *complain, void *arg);

#endif
