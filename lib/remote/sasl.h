/* What a client says in each mechanism, given what the server said: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195),
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding. Pure but for the nonce, which the caller makes.
 *
 * User and password go as they are: SASLprep (RFC 4013) changes nothing in printable ASCII, and of what else it would
 * make servers have different ideas. */
#ifndef REMOTE_SASL_H
#define REMOTE_SASL_H

#include "hash/hash.h"
#include "policy/logins.h"
#include "smtp/client_auth.h"

#define SASL_NONCE 24                 /* bytes of our part of the nonce */
#define SASL_ITERATIONS_LEAST 4096    /* RFC 7677 4: less would make it cheap to guess the password */
#define SASL_ITERATIONS_MOST 10000000 /* some seconds */
#define SASL_BARE (3 * LOGIN_USER + SASL_NONCE + 8)

/* One dialogue. Wipe it afterwards. */
struct sasl {
  struct login const *login;          /* must live as long */
  enum login_mechanism mechanism;
  unsigned step;
  unsigned is_proved : 1;             /* SCRAM: the server knows the password, or its hash */
  char bare[SASL_BARE];               /* SCRAM's client-first-message-bare */
  size_t bare_len;
  char nonce[SASL_NONCE + 1];
  char signature[HASH_BYTES];         /* that the server must show */
};

/* nonce, for SCRAM: at most SASL_NONCE bytes of printable ASCII but the comma, and a NUL. m is not LOGIN_ANY. */
void sasl_start(struct sasl *s, enum login_mechanism m, struct login const *l, char const *nonce);

/* For client_auth, with the struct sasl as its argument. Static. */
struct client_sasl const *sasl_mechanism(enum login_mechanism m);

#endif
