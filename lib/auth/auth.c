/* Passwords compared. */
#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include "auth/auth.h"
#include "hash/hash.h"

#define NAME_MOST 2048 /* bytes of a name that count for what stands in for its hashes */

/* setting: a hash, or what stands before its last part; then nothing is the same. */
static int by_crypt(struct auth *a, char const *setting, char const *password)
{
  struct crypt_data *d = calloc(1, sizeof *d);
  if (!d) return AUTH_FAILED;
  char const *got = crypt_r(password, setting, d);
  int result = AUTH_FAILED;
  a->hashes++;
  if (got && *got != '*')
    result = strlen(got) == strlen(setting) && hash_same(got, setting, strlen(got)) ? AUTH_YES : AUTH_NO;
  explicit_bzero(d, sizeof *d);
  free(d);
  return result;
}

static int by_scram(struct auth *a, struct users_keys const *k, char const *password)
{
  char stored[USERS_HASH], server[USERS_HASH];
  a->hashes++;
  if (!hash_scram_keys(stored, server, password, k->salt, k->salt_len, k->iterations)) return AUTH_FAILED;
  int same = hash_same(stored, k->stored, sizeof stored) & hash_same(server, k->server, sizeof server);
  explicit_bzero(stored, sizeof stored);
  explicit_bzero(server, sizeof server);
  return same ? AUTH_YES : AUTH_NO;
}

/* The work of the file's usual hash, in vain. */
static int in_vain(struct auth *a, char const *password)
{
  struct users_keys k = { .iterations = a->about.iterations, .salt_len = a->about.salt_len };
  int result = *a->about.setting ? by_crypt(a, a->about.setting, password) : by_scram(a, &k, password);
  return result < 0 ? result : AUTH_NO;
}

int auth_password(struct auth *a, struct user const *u, char const *password)
{
  char states[USERS_HASH];
  int result;
  if (u && *u->keys.crypt) {
    result = by_crypt(a, u->keys.crypt, password);
  } else if (u && u->keys.iterations) {
    result = by_scram(a, &u->keys, password);
  } else {
    hash_cram_states(states, password);
    result = in_vain(a, password);
    if (result == AUTH_NO && u && u->keys.cram && hash_same(states, u->keys.states, sizeof states)) result = AUTH_YES;
    explicit_bzero(states, sizeof states);
  }
  return result == AUTH_YES && !u->on ? AUTH_NO : result;
}

int auth_cram(struct auth *a, struct user const *u, char const *response, char const *challenge)
{
  char digest[HASH_CRAM_DIGEST], states[USERS_HASH];
  int real = u && u->keys.cram;
  auth_fake(a, "cram", challenge, strlen(challenge), states);
  hash_cram_digest(digest, real ? u->keys.states : states, challenge, strlen(challenge));
  int same = strlen(response) == sizeof digest - 1 && hash_same(digest, response, sizeof digest - 1);
  explicit_bzero(digest, sizeof digest);
  return same && real && u->on ? AUTH_YES : AUTH_NO;
}

int auth_external(struct user const *u)
{
  return u && u->on && u->keys.external ? AUTH_YES : AUTH_NO;
}

void auth_fake(struct auth const *a, char const *what, char const *s, size_t n, char out[USERS_HASH])
{
  char text[32 + NAME_MOST];
  size_t len = strlen(what) + 1;
  if (n > NAME_MOST) n = NAME_MOST;
  memcpy(text, what, len);
  memcpy(text + len, s, n);
  hash_hmac(out, a->about.secret, sizeof a->about.secret, text, len + n);
}
