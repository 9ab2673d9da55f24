/* What relay-bounce is told of a message, on its descriptor 1: records of a letter and text, NUL behind each, in this
 * order. Whoever makes a report writes them with notice_put; any byte but NUL may occur in what comes from outside.
 *
 *   M<name>           our host's
 *   I<id>             the message's; A<seconds>: when it came, since 1970; B<bytes>: how long it is
 *   L<flags>          STORE_FLAG_... in decimal
 *   U<seconds>        until when it is tried
 *   F<sender>         to whom the report goes; never the null sender (RFC 5321 4.5.5)
 *   P<parameters>     the sender's of RFC 3461 (parse/dsn.h), if any
 *   T<recipient>      for each: P<parameters> if any, W<seconds>: the last attempt, K<kind><text>: what became of it */
#ifndef REPORT_NOTICE_H
#define REPORT_NOTICE_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>
#include "parse/dsn.h"

#define NOTICE_MOST 67108864 /* bytes of all records */

enum notice_kind { /* the letter behind K */
  NOTICE_FAILED = 'f',
  NOTICE_EXPIRED = 'x',   /* failed: what is only for now has lasted too long */
  NOTICE_DELAYED = 'd',
  NOTICE_DELIVERED = 'l', /* to a server that delivers itself (LMTP) */
  NOTICE_RELAYED = 'r',   /* to one that will report no success (RFC 3461 5.2.2) */
  NOTICE_EXPANDED = 'e',  /* an alias, now its targets */
};
#define NOTICE_KINDS "fxdlre"

struct notice_recipient {
  enum notice_kind kind;
  char const *address;
  char const *text;       /* relay-remote's words, or ours; "": none */
  int64_t when;
  struct dsn_rcpt dsn;
};

struct notice {
  char const *me, *id, *sender;
  int64_t arrival, until;
  uint64_t body;
  unsigned flags;
  struct dsn_mail mail;
  struct notice_recipient *recipient; /* n of them, malloc'ed */
  unsigned n;
};

/* Appends a record. number: in decimal instead of text. Return 1, or 0 without memory. */
int notice_put(stralloc *sa, char letter, char const *text);
int notice_put_number(stralloc *sa, char letter, uint64_t number);
int notice_put_kind(stralloc *sa, enum notice_kind kind, char const *text);

/* Reads all records; n points into them. Returns 1, 0 when they are not in order, -1 without memory. Parameters that
 * make no sense count as none. After 1 notice_free is due. */
int notice_scan(struct notice *n, char const *s, size_t len);
void notice_free(struct notice *n);

#endif
