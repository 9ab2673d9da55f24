/* Bytes from outside as a piece of one line. For the files of this room. */
#ifndef REPORT_LINE_H
#define REPORT_LINE_H

#include <stdint.h>
#include <skalibs/stralloc.h>

#define LINE_MOST 900 /* bytes of a reason: its line must stay under 998 (RFC 5322 2.1.1) */

/* Append s, at most `most` bytes; LF and TAB as a space, what is no printable ASCII as `?`; line_utf8 leaves valid
 * UTF-8 beyond it alone. Return 1, or 0 without memory. */
int line_ascii(stralloc *sa, char const *s, size_t most);
int line_utf8(stralloc *sa, char const *s, size_t most);

/* Appends a date as RFC 5322 3.3 has it, in UTC. */
int line_date(stralloc *sa, int64_t when);

#endif
