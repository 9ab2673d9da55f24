/* The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding. Pure but for the nonce, which the
 * caller makes. In this order: scram_first, scram_challenge, scram_final. Wipe it afterwards.
 *
 * Passwords: what the client makes of one (SASLprep, RFC 4013) must be what relay-passwd saw; for printable ASCII that
 * is the password itself. */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include <stddef.h>
#include "auth/auth.h"
#include "checker/frame.h"

#define SCRAM_MESSAGE CHECKER_MESSAGE  /* bytes of the longest message either way */
#define SCRAM_NONCE 32      /* bytes of the server's part of the nonce at most */
#define SCRAM_CLIENT_NONCE 512

struct scram {
  char user[SCRAM_MESSAGE];    /* the name as the client sent it, without its escapes; any byte but NUL */
  size_t user_len;
  char header[SCRAM_MESSAGE];  /* gs2-header, as it must come back */
  size_t header_len;
  char signed_text[3 * SCRAM_MESSAGE]; /* AuthMessage, as far as it goes */
  size_t signed_len;
  char nonce[SCRAM_CLIENT_NONCE + SCRAM_NONCE]; /* both parts */
  size_t nonce_len;
  char stored[USERS_HASH], server[USERS_HASH];
  unsigned real : 1;           /* there is such a user, with these keys, and it may log in */
};

/* Reads the client's first message, any bytes. Returns 1 with the user, or 0: malformed, a channel binding, another
 * authzid than the user, an extension that must be understood. There is no answer to that but the refusal. */
int scram_first(struct scram *s, char const *msg, size_t n);

/* Writes the server's first message; u null: no such user, who gets the same salt each time. nonce: the server's
 * part, printable ASCII but the comma, with a NUL behind. Returns the message's bytes. */
size_t scram_challenge(struct scram *s, struct auth const *a, struct user const *u, char const *nonce,
                       char out[SCRAM_MESSAGE]);

/* Reads the client's final message and writes the server's, `v=` or `e=`, to out, its bytes to *len. Returns AUTH_YES
 * or AUTH_NO. */
int scram_final(struct scram *s, char const *msg, size_t n, char out[SCRAM_MESSAGE], size_t *len);

#endif
