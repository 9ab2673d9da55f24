/* The log: one line per event, `key=value` pairs, one write(2) to descriptor 2.
 * A value never holds raw bytes from outside: space, `"`, `\`, `=` … controls and everything from 0x7f on
 * are written as C escapes, so that a line can be split at spaces. Lines longer than LOG_LINE are cut. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#define LOG_LINE 4096 /* bytes of a line with its LF; a pipe takes as much in one piece */
#define LOG_PATIENCE 100 /* milliseconds that a line waits for room, unless log_patience says otherwise */

struct log_line {
  size_t len;         /* bytes in s */
  char s[LOG_LINE];
};

/* Is descriptor 2 the socket of 0 or 1, as some super-servers (inetd, xinetd) have it? Then no line may be written. */
int log_is_client(void);

/* Opens /dev/null for those of the descriptors 0 to 2 that are closed; and as descriptor 2 if log_is_client. Returns 0,
 * or -1 with errno. */
int log_sanitize(void);

/* Starts a line: `NAME:` when PROG is set, then the event's own word as `event=WORD`. */
void log_start(struct log_line *l, char const *event);

/* Appends ` key=value`. `key` is ours; the value may hold any byte. An empty value is written `key=`.
 * Values that don't fit are cut. */
void log_bytes(struct log_line *l, char const *key, char const *value, size_t len);
void log_str(struct log_line *l, char const *key, char const *value); /* value may be null: nothing is written */
void log_num(struct log_line *l, char const *key, uint64_t value);

/* Ends the line and writes it. Errors are ignored: a full log stops no mail. Nor does one that nobody reads: when there
 * is no room for a line within LOG_PATIENCE it is dropped, and so are the next, at once, until there is room again. */
void log_end(struct log_line *l);

/* How many milliseconds a line waits from now on. 0: it is dropped at once where there is no room. */
void log_patience(int milliseconds);

#endif
