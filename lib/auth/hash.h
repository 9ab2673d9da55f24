/* HMAC and what SCRAM and CRAM-MD5 make of a password. */
#ifndef AUTH_HASH_H
#define AUTH_HASH_H

#include <stddef.h>
#include <stdint.h>
#include "users/users.h"

void hash_sha256(char out[USERS_HASH], char const *s, size_t n);
void hash_hmac(char out[USERS_HASH], char const *key, size_t key_len, char const *s, size_t n);

/* The same bytes? The time tells nothing of where they differ. */
int hash_same(char const *a, char const *b, size_t n);

/* HMAC-MD5's two states behind a password (RFC 2195 2), as users_keys has them. */
void hash_cram_states(char out[USERS_HASH], char const *password);
/* The digest of s[0..n) by them, in hexadecimal with a NUL. */
#define HASH_CRAM_DIGEST 33
void hash_cram_digest(char out[HASH_CRAM_DIGEST], char const states[USERS_HASH], char const *s, size_t n);

/* StoredKey and ServerKey (RFC 5802 3) from a password; the salt's at most USERS_SALT bytes. Costly: `iterations` times
 * HMAC. Returns 1, or 0 without memory. */
int hash_scram_keys(char stored[USERS_HASH], char server[USERS_HASH], char const *password, char const *salt,
                    size_t salt_len, uint32_t iterations);

#endif
