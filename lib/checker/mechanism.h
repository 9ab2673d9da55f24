/* The mechanisms of AUTH that a checker can be asked with; RELAYAUTHMECH has their names (checker/checker.h). */
#ifndef CHECKER_MECHANISM_H
#define CHECKER_MECHANISM_H

#include <stddef.h>

/* X(mechanism, name) */
#define CHECKER_MECHANISMS(X) \
  X(CHECKER_PLAIN, "PLAIN") \
  X(CHECKER_LOGIN, "LOGIN") \
  X(CHECKER_CRAM_MD5, "CRAM-MD5") \
  X(CHECKER_SCRAM_SHA_256, "SCRAM-SHA-256") \
  X(CHECKER_EXTERNAL, "EXTERNAL")

enum checker_mechanism {
  CHECKER_CANARY = -1,
#define X(mechanism, name) mechanism,
  CHECKER_MECHANISMS(X)
#undef X
  CHECKER_COUNT
};

/* "SCRAM-SHA-256" for CHECKER_SCRAM_SHA_256 and so on; null for the canary. */
char const *checker_name(enum checker_mechanism m);

/* The mechanism with the name s[0..n) in any case (RFC 4954 4), or CHECKER_COUNT. Any byte may occur in s. */
enum checker_mechanism checker_find(char const *s, size_t n);

#endif
