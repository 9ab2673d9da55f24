/* HMAC and what SCRAM and CRAM-MD5 make of a password. */
#ifndef HASH_HASH_H
#define HASH_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BYTES 32 /* of SHA-256, and of the two states of MD5 */

void hash_sha256(char out[HASH_BYTES], char const *s, size_t n);
void hash_hmac(char out[HASH_BYTES], char const *key, size_t key_len, char const *s, size_t n);

/* The same bytes? The time tells nothing of where they differ. */
int hash_same(char const *a, char const *b, size_t n);

/* HMAC-MD5's two states behind a password (RFC 2195 2). */
void hash_cram_states(char out[HASH_BYTES], char const *password);
/* The digest of s[0..n) by them, in hexadecimal with a NUL. */
#define HASH_CRAM_DIGEST 33
void hash_cram_digest(char out[HASH_CRAM_DIGEST], char const states[HASH_BYTES], char const *s, size_t n);

/* ClientKey, StoredKey and ServerKey (RFC 5802 3) from a password. Costly: `iterations` times HMAC. Each returns 1, or
 * 0 without memory. */
int hash_scram_client(char client[HASH_BYTES], char stored[HASH_BYTES], char server[HASH_BYTES], char const *password,
                      char const *salt, size_t salt_len, uint32_t iterations);
int hash_scram_keys(char stored[HASH_BYTES], char server[HASH_BYTES], char const *password, char const *salt,
                    size_t salt_len, uint32_t iterations);

#endif
