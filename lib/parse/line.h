/* SMTP command lines (RFC 5321 2.3.8, 4.1.1): finds the next one in a buffer. Only CRLF ends a line.
 *
 *   state \ bytes   ordinary   NUL    CR          CRLF                  LF without CR
 *   GOOD            GOOD       BAD    (needs LF)  -> LINE_OK, GOOD      -> LINE_BARE, TAINTED; lf_ok: as CRLF
 *   BAD, LONG       stays      stays  (needs LF)  -> its status, GOOD   -> LINE_BARE, TAINTED; lf_ok: as CRLF
 *   TAINTED         stays      stays  (needs LF)  -> LINE_BARE, GOOD    -> LINE_BARE, TAINTED
 *
 * A CR without LF makes the line BAD (LINE_BARE). Text behind a bare LF is never taken as a command, up to the next
 * CRLF: that would let whoever slips an LF into an address give commands. Yet each LF gets one answer, so that a
 * client that ends its lines with LF is told at once. */
#ifndef PARSE_LINE_H
#define PARSE_LINE_H

#include <stddef.h>

enum line_status {
  LINE_MORE = 0,  /* no whole line yet */
  LINE_OK,        /* a line: s[0..len), no NUL, CR or LF within; any other byte may occur */
  LINE_BARE,      /* 500 5.5.2: a bare CR or LF */
  LINE_NUL,       /* 500 5.5.2: a NUL */
  LINE_LONG,      /* 500 5.5.6: more than max bytes; all of them have been dropped */
};

struct line {
  size_t max;            /* bytes of a line with its CRLF, 2 at least; may be changed between lines */
  size_t seen;           /* bytes at the front of the buffer that were looked at already */
  unsigned char status;  /* LINE_LONG: its beginning was dropped already; else LINE_OK */
  unsigned lf_ok : 1;    /* LF alone ends a line (old printers, trusted clients only) */
  unsigned by_lf : 1;    /* the line that was found last ended with LF alone */
  unsigned tainted : 1;  /* behind a bare LF: nothing is taken until the next CRLF */
};

void line_init(struct line *l, size_t max, int lf_ok);

/* Looks at s[0..n), which begins with the first byte that was not yet used. Sets *used to the bytes at the front
 * that the caller must drop now, whatever is returned; the rest must stand at the front at the next call. With
 * LINE_MORE, read more behind the rest: a buffer of max bytes always has room. With LINE_OK s[0..*len) is the line
 * without its end; *len is 0 otherwise. Call again with what is left before reading more. */
enum line_status line_next(struct line *l, char const *s, size_t n, size_t *used, size_t *len);

#endif
