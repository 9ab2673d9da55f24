/* What is said about a proof: to people, to programs, to who compiles. All text is printable ASCII; other bytes of the
 * rules become \xHH. */
#ifndef PROVE_REPORT_H
#define PROVE_REPORT_H

#include <skalibs/stralloc.h>
#include "prove/prove.h"

#define REPORT_SHA256 65 /* bytes of a SHA-256 in hexadecimal with its NUL */

/* The SHA-256 of the file fd (its position does not matter). Returns 0, or -1 with errno. */
int report_sha256(char out[REPORT_SHA256], int fd);

/* Appends the certificate or the openings: text with a LF behind each line; one JSON object without LF. `rules` is the
 * path of the tables. Return 1, or 0 without memory. */
int report_text(stralloc *out, struct proof const *p, char const *rules, char const *sha256);
int report_json(stralloc *out, struct proof const *p, char const *rules, char const *sha256);

/* Complains of each opening, `file:line: why` or `file:line: warning: why`, and shows how a stranger relays in lines
 * indented by two spaces; without LF. Of more than REPORT_OPENINGS the rest is only counted. Returns 1, or 0 without
 * memory. */
#define REPORT_OPENINGS 20
typedef void report_fn(void *arg, int warning, char const *line);
int report_complain(struct proof const *p, report_fn *complain, void *arg);

/* All in one for who has just compiled rules to fd: proves and complains. Returns 0 (closed, or open as the lines
 * declare, which is warned of), 1 (open), -1 with errno. */
int report_check(int fd, report_fn *complain, void *arg);

/* Pieces of those, for tests and other tools: each line goes to `line`, as it is, with UTF-8 where an address has some.
 * The way in, from who the client is to the last reply; the dialogue alone; the assumptions. */
typedef int report_line_fn(void *arg, char const *line); /* returns 1, or 0 without memory */
int report_way(struct proof const *p, struct way const *way, report_line_fn *line, void *arg);
int report_transcript(struct proof const *p, struct way const *way, report_line_fn *line, void *arg);
int report_assumptions(struct proof const *p, report_line_fn *line, void *arg);
/* Appends why an opening is one. */
int report_why(stralloc *out, struct opening const *o);
char const *report_kind(enum opening_kind kind);

/* Appends what the record of an opening says, as its line in the control file would. Returns 1, 0 without memory. */
int report_says(stralloc *out, struct proof const *p, struct record const *r);

#endif
