/* A report's text (RFC 3462, RFC 3464; for addresses beyond ASCII RFC 6533): words for people, fields for programs, and
 * the message or its header. All but To and the copied message is ASCII, so that it goes through any server. Pure.
 *
 * Each function appends to sa and returns 1, or 0 without memory. What comes from outside is printable ASCII afterwards
 * and can end neither a line nor a part; LF line ends. */
#ifndef REPORT_COMPOSE_H
#define REPORT_COMPOSE_H

#include "report/notice.h"

#define COMPOSE_HEADER 65536   /* bytes of the message that are looked at for its header */
#define COMPOSE_BOUNDARY 64    /* bytes of a boundary with its NUL */
#define COMPOSE_CODE 12        /* bytes of an enhanced code with its NUL */

struct compose {
  struct notice const *notice;
  char const *id;              /* the report's */
  char const *boundary;        /* nobody can have foreseen it; at most COMPOSE_BOUNDARY */
  int64_t now;                 /* seconds since 1970 */
  unsigned eight : 1;          /* what is copied of the message holds bytes from 0x80 on */
};

/* The header, the words for people, and the fields for programs. */
int compose_head(stralloc *sa, struct compose const *c);
int compose_words(stralloc *sa, struct compose const *c);
int compose_status(stralloc *sa, struct compose const *c);

enum compose_third {
  COMPOSE_HEADERS,  /* the header: always, unless RET=FULL was asked for and something failed (RFC 3461 4.3) */
  COMPOSE_WHOLE,
};
enum compose_third compose_which(struct notice const *n);

/* The third part's beginning; what follows is compose_copy's, then compose_end's. */
int compose_third(stralloc *sa, struct compose const *c, enum compose_third which);
/* The next bytes of the message, as they are but for CR; or in base64 if it is internationalised (flags): then len is a
 * multiple of 57 but for the last piece. */
int compose_copy(stralloc *sa, struct notice const *n, char const *s, size_t len);
int compose_end(stralloc *sa, struct compose const *c);

/* How many of s[0..len), a message's first bytes, are its header with the last line's end. */
size_t compose_header(char const *s, size_t len);

/* What a reason says to programs. */
struct compose_reason {
  char code[COMPOSE_CODE];           /* RFC 3463 */
  char const *host; size_t host_len; /* of the server that spoke; 0: none did */
  char const *reply;                 /* and what it said; null: none did */
};
void compose_reason(struct compose_reason *out, enum notice_kind kind, char const *text);

#endif
