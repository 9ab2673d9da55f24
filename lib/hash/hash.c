/* libcrypto for HMAC, PBKDF2 and MD5. CRAM-MD5 needs MD5's state in the middle of its work, which only the old
 * interface gives. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <skalibs/uint32.h>
#include "hash/hash.h"

#define BLOCK 64 /* bytes of MD5's and SHA-256's block */

void hash_sha256(char out[HASH_BYTES], char const *s, size_t n)
{
  SHA256((unsigned char const *)s, n, (unsigned char *)out);
}

void hash_hmac(char out[HASH_BYTES], char const *key, size_t key_len, char const *s, size_t n)
{
  unsigned int len = HASH_BYTES;
  if (!HMAC(EVP_sha256(), key, (int)key_len, (unsigned char const *)s, n, (unsigned char *)out, &len))
    abort(); /* no memory: an end by a signal is no yes */
}

int hash_same(char const *a, char const *b, size_t n)
{
  return !CRYPTO_memcmp(a, b, n);
}

/* MD5's state behind one block, key xor pad. */
static void state_of(char out[16], unsigned char const key[BLOCK], unsigned char pad)
{
  unsigned char block[BLOCK];
  MD5_CTX c;
  for (size_t i = 0; i < BLOCK; i++) block[i] = key[i] ^ pad;
  MD5_Init(&c);
  MD5_Update(&c, block, BLOCK);
  uint32_pack(out, c.A);
  uint32_pack(out + 4, c.B);
  uint32_pack(out + 8, c.C);
  uint32_pack(out + 12, c.D);
  explicit_bzero(&c, sizeof c);
  explicit_bzero(block, sizeof block);
}

void hash_cram_states(char out[HASH_BYTES], char const *password)
{
  unsigned char key[BLOCK] = { 0 };
  size_t n = strlen(password);
  if (n > BLOCK) MD5((unsigned char const *)password, n, key); /* RFC 2104 2 */
  else memcpy(key, password, n);
  state_of(out, key, 0x5c);
  state_of(out + 16, key, 0x36);
  explicit_bzero(key, sizeof key);
}

/* MD5 goes on from a state behind one block. */
static void go_on(unsigned char out[MD5_DIGEST_LENGTH], char const state[16], void const *s, size_t n)
{
  uint32_t word[4];
  MD5_CTX c;
  MD5_Init(&c);
  for (int i = 0; i < 4; i++) uint32_unpack(state + 4 * i, word + i);
  c.A = word[0];
  c.B = word[1];
  c.C = word[2];
  c.D = word[3];
  c.Nl = BLOCK * 8;
  MD5_Update(&c, s, n);
  MD5_Final(out, &c);
  explicit_bzero(&c, sizeof c);
  explicit_bzero(word, sizeof word);
}

void hash_cram_digest(char out[HASH_CRAM_DIGEST], char const states[HASH_BYTES], char const *s, size_t n)
{
  static char const hex[] = "0123456789abcdef";
  unsigned char inner[MD5_DIGEST_LENGTH], outer[MD5_DIGEST_LENGTH];
  go_on(inner, states + 16, s, n);
  go_on(outer, states, inner, sizeof inner);
  for (size_t i = 0; i < sizeof outer; i++) {
    out[2 * i] = hex[outer[i] >> 4];
    out[2 * i + 1] = hex[outer[i] & 15];
  }
  out[2 * sizeof outer] = 0;
  explicit_bzero(inner, sizeof inner);
  explicit_bzero(outer, sizeof outer);
}

int hash_scram_client(char client[HASH_BYTES], char stored[HASH_BYTES], char server[HASH_BYTES], char const *password,
                      char const *salt, size_t salt_len, uint32_t iterations)
{
  char salted[HASH_BYTES];
  int ok = PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (unsigned char const *)salt, (int)salt_len,
    (int)iterations, EVP_sha256(), sizeof salted, (unsigned char *)salted);
  if (ok) {
    hash_hmac(client, salted, sizeof salted, "Client Key", 10);
    hash_sha256(stored, client, HASH_BYTES);
    hash_hmac(server, salted, sizeof salted, "Server Key", 10);
  }
  explicit_bzero(salted, sizeof salted);
  return ok == 1;
}

int hash_scram_keys(char stored[HASH_BYTES], char server[HASH_BYTES], char const *password, char const *salt,
                    size_t salt_len, uint32_t iterations)
{
  char client[HASH_BYTES];
  int ok = hash_scram_client(client, stored, server, password, salt, salt_len, iterations);
  explicit_bzero(client, sizeof client);
  return ok;
}
