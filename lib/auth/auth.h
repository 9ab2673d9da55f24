/* Is that the password? Users and hashes as in users/users.h; crypt(3) from libcrypt, the rest from libcrypto.
 *
 * Who does not exist, is off or has no hash of the right kind is answered as somebody with a wrong password, after as
 * much work: one costly hash. Comparisons take the same time whatever they find. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stddef.h>
#include "users/users.h"

struct auth {
  struct users_about about;
  unsigned long hashes;      /* costly hashes computed so far */
};

#define AUTH_NO 0
#define AUTH_YES 1
#define AUTH_FAILED (-1)     /* a hash can't be computed: no memory, or a kind that libcrypt lacks */

/* All take a user, or null for one who does not exist. */

/* password: NUL-terminated; compared with crypt(3)'s hash, for want of one with SCRAM's, for want of that with the
 * states of CRAM-MD5. */
int auth_password(struct auth *a, struct user const *u, char const *password);

/* CRAM-MD5 (RFC 2195): response is all of what follows the name and its blank, digest in hexadecimal, lower case. */
int auth_cram(struct auth *a, struct user const *u, char const *response, char const *challenge);

/* A client's certificate has said who it is: is there such a user, and may it log in so? */
int auth_external(struct user const *u);

/* HMAC-SHA-256 over `what` and then s[0..n), with the secret of the file: what looks random but is always the same. */
void auth_fake(struct auth const *a, char const *what, char const *s, size_t n, char out[USERS_HASH]);

#endif
