/* What a client wants to hear of its message's fate (RFC 3461 4; for addresses beyond ASCII RFC 6533 3): RET and ENVID
 * of MAIL, NOTIFY and ORCPT of RCPT. Their own form, in which the queue keeps them and in which they are passed on, is
 * that of the commands: `RET=HDRS ENVID=QQ314159`, `NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@example.com`; "" when
 * nothing was given. It is printable ASCII, holds no CR, LF or NUL, and has one form for each meaning. Pure. */
#ifndef PARSE_DSN_H
#define PARSE_DSN_H

#include <stddef.h>
#include "parse/params.h"

#define DSN_ENVID 100  /* bytes as encoded; RFC 3461 4.4 */
#define DSN_ORCPT 500  /* bytes as encoded, with the type; RFC 3461 4.2 */
#define DSN_TEXT 576   /* bytes of the form of a MAIL or RCPT, with its NUL */

enum dsn_ret { DSN_RET_NONE, DSN_RET_FULL, DSN_RET_HDRS };

enum dsn_notify { /* bits; 0: NOTIFY was not given */
  DSN_NEVER = 1, DSN_SUCCESS = 2, DSN_FAILURE = 4, DSN_DELAY = 8,
};

struct dsn_mail {
  enum dsn_ret ret;
  char envid[DSN_ENVID + 1];   /* xtext; "": none */
};

struct dsn_rcpt {
  unsigned notify;
  char orcpt[DSN_ORCPT + 1];   /* type;xtext, "utf-8" with its own escapes \x{...}; "": none */
  unsigned expanded : 1;       /* no recipient any more, but an alias whose targets have taken its place (`EXPANDED`) */
};

enum dsn_taken {
  DSN_OTHER,   /* another parameter */
  DSN_TAKEN,
  DSN_BAD,     /* malformed, or given twice: 501 5.5.4 */
};

/* Takes a parameter of MAIL or RCPT. *d starts all zero. An address of the type utf-8 whose form is longer than
 * DSN_ORCPT counts as not given. EXPANDED is none of the wire's. */
enum dsn_taken dsn_mail_take(struct dsn_mail *d, struct param const *p);
enum dsn_taken dsn_rcpt_take(struct dsn_rcpt *d, struct param const *p);

/* Write the form, NUL-terminated. Return its length, 0: nothing was given. */
size_t dsn_mail_fmt(char out[DSN_TEXT], struct dsn_mail const *d);
size_t dsn_rcpt_fmt(char out[DSN_TEXT], struct dsn_rcpt const *d);

/* Read the form. Return 1; 0 when s (any bytes but NUL) is not exactly what is written for some meaning, and *d is then
 * as if nothing was given. */
int dsn_mail_scan(struct dsn_mail *d, char const *s);
int dsn_rcpt_scan(struct dsn_rcpt *d, char const *s);

/* Does the sender want a report of that (one bit but NEVER)? Without NOTIFY: of failures and delays (RFC 3461 4.1). */
int dsn_wants(struct dsn_rcpt const *d, enum dsn_notify what);

/* Leaves success out: what an alias' targets get, when the success of the alias is that it was expanded (RFC 3461
 * 5.2.7.2 c). */
void dsn_no_success(struct dsn_rcpt *d);

/* Sets ORCPT to an address (any bytes but NUL), when that fits and is valid (RFC 3461 5.2.1: who is passed on under
 * another address). */
void dsn_set_orcpt(struct dsn_rcpt *d, char const *address);

/* Writes what xtext stands for, at most n bytes without a NUL behind. Returns 1 with their number in *len, or 0 when it
 * is no xtext, or stands for anything but printable ASCII and spaces. */
int dsn_unxtext(char *out, size_t *len, char const *s, size_t n);

#endif
