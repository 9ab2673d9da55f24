/* The senders that a login may use: each ADDRESS, @DOMAIN or @.SUFFIX (all below, not itself). Pure. */
#ifndef POLICY_SENDERS_H
#define POLICY_SENDERS_H

#include <stddef.h>
#include "parse/address.h"

/* Is this address (not the null sender) among the list's, s[0..n), NUL behind each? An entry that is none of the three
 * allows nothing. A local part's ASCII letters count the same in upper and lower case, as everywhere in the rules. */
int senders_allow(char const *s, size_t n, struct address const *a);

#endif
