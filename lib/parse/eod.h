/* The text of a message as it comes in, by DATA (RFC 5321 4.1.1.4, 4.5.2) or by BDAT (RFC 3030): finds the end of DATA,
 * removes the stuffed dots, turns CRLF into LF, and notes what a message must not hold. Chunks may be split anywhere,
 * between CR and LF too.
 *
 * Exactly CRLF . CRLF ends DATA, with the CRLF of the DATA command as the first of a message. What comes near to it
 * (LF.LF, LF.CRLF, CRLF.LF, CR.CR) never does, with EOD_LF_OK neither: one message in is never two messages out. The
 * one exception is EOD_LF_LINES, for a client that speaks LF throughout: to it a line of one dot is the end.
 *
 *   state      ordinary   .            CR           LF                  LF, EOD_LF_LINES   the state means
 *   START      TEXT       DOT (drop)   TEXT_CR      bare LF: LF_START   START              right behind a line's end
 *   DOT        TEXT       TEXT         DOT_CR       bare LF: LF_START   END                a dot there
 *   DOT_CR     CR, TEXT   CR, TEXT     CR, TEXT_CR  END                 END                a dot there, and CR
 *   TEXT       TEXT       TEXT         TEXT_CR      bare LF: LF_START   START              within a line
 *   TEXT_CR    CR, TEXT   CR, TEXT     CR, TEXT_CR  START               START              a CR that may begin a CRLF
 *   LF_START   TEXT       TEXT (drop)  TEXT_CR      bare LF: LF_START   (never)            behind a bare LF
 *
 * `CR` on the way to a state: the CR was bare, noted and dropped. A bare LF is noted (with EOD_LF_OK it is a line's end
 * as good as CRLF, but for the end of DATA). A line's end is CRLF; with EOD_LF_LINES LF, too. So output never outgrows
 * input. */
#ifndef PARSE_EOD_H
#define PARSE_EOD_H

#include <stddef.h>
#include <stdint.h>

/* How to read: a set of these. */
#define EOD_BDAT 1U   /* BDAT: no dots, no end; the caller counts the chunk's bytes */
#define EOD_LF_OK 2U  /* a bare LF is a line's end, no fault, but never makes the end (trusted clients only) */
#define EOD_LF_LINES 4U /* lines end with LF or CRLF, and a line of one dot ends DATA (trusted clients only, whose DATA
                           command itself ended with a bare LF: old printers) */

/* Why to refuse: a set of these. The dialogue goes on until the end all the same. */
#define EOD_BARE_CR 1U
#define EOD_BARE_LF 2U
#define EOD_NUL 4U
#define EOD_LONG 8U   /* a line of more than line_max bytes */

struct eod {
  unsigned mode;          /* EOD_BDAT, EOD_LF_OK, EOD_LF_LINES */
  unsigned faults;        /* EOD_BARE_CR ... found so far; not 0: refuse with 5xx at the end */
  uint64_t size;          /* the message's bytes so far with CRLF and without stuffed dots: what RFC 1870 counts */
  uint64_t text;          /* bytes given out so far (LF text) */
  size_t line_max;        /* bytes of a line without CRLF */
  size_t line;            /* bytes of the current line so far */
  unsigned eightbit : 1;  /* bytes from 0x80 on were seen */
  unsigned ended : 1;     /* the end of DATA was seen */
  unsigned char state;    /* one of the machine's */
};

void eod_init(struct eod *e, unsigned mode, size_t line_max);

/* Converts buf[0..n) in place: the text to keep is buf[0..returned), LF line ends, never more than n bytes. *used is n,
 * or less when the end of DATA was found (e->ended): what follows, buf[*used..n), is the client's next command,
 * untouched. After the end nothing more is used. Any byte may occur; NULs are noted and given out. */
size_t eod_feed(struct eod *e, char *buf, size_t n, size_t *used);

/* BDAT ... LAST has been fed: notes a CR at the very end. Returns 1 when the last line has no end: the caller then adds
 * one LF (counted here already), so that all text of the queue consists of lines; else 0. */
int eod_last(struct eod *e);

#endif
