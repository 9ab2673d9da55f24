/* The parameters behind the path of MAIL and RCPT (RFC 5321 4.1.2): keyword[=value], each behind one or more spaces. */
#ifndef PARSE_PARAMS_H
#define PARSE_PARAMS_H

#include <stddef.h>

struct param {
  char const *key;    /* into the line: letters, digits and hyphens, as the client spelled it */
  size_t keylen;      /* 1 at least */
  char const *value;  /* into the line: 0x21 to 0x7e without `=`, with SMTPUTF8 also valid UTF-8; null without `=` */
  size_t valuelen;    /* 1 at least when there is a value: `KEY=` is malformed */
};

/* Goes through s[0..n), what follows the path's `>`. *pos starts at 0. Spaces at the end are passed over (RFC 5321
 * 4.1.1). `utf8`: SMTPUTF8 was declared (RFC 6531 3.3 widens the value), or may be by one of these very parameters.
 * Returns 1 and a parameter, 0 at the end, -1 when malformed (501 5.5.4). Any byte may occur in s.
 * Unknown and repeated keywords are the caller's to refuse. */
int params_next(char const *s, size_t n, size_t *pos, int utf8, struct param *p);

/* Is it this keyword (upper or lower case)? */
int param_is(struct param const *p, char const *key);

/* Is its value this word (upper or lower case)? 0 without a value. */
int param_value_is(struct param const *p, char const *word);

#endif
