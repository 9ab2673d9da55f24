/* What a checker says about a login. Pure. */
#ifndef CHECKER_ATTRIBUTES_H
#define CHECKER_ATTRIBUTES_H

#include "checker/checker.h"

/* Reads `NAME=VALUE NUL` ... in s[0..n), any bytes, into *a:
 *
 *   mechanisms=NAME NAME ...   those that it takes: all of them, or if PLAIN, LOGIN and CRAM-MD5 are not among them
 *                              those beyond these three; unknown ones are passed over
 *   user=NAME                  who it is; no control characters, not empty, fewer than CHECKER_USER bytes
 *   relay=0 | relay=1          has it the relay privilege? yes, unless it is said
 *   from=SENDER                a sender that it may use, ADDRESS, @DOMAIN or @.SUFFIX; repeated. None: any
 *
 * Returns 1, or 0: one is none of these, or malformed, or memory was short; then nothing of it may be believed. */
int attributes_scan(struct checker_answer *a, char const *s, size_t n);

#endif
