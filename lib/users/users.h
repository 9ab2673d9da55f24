/* Who may log in: a line of `users`, and what becomes of it in users.cdb (table/table.h). Pure but for the look-ups.
 *
 * A record is SHA-256 over the key and what follows, so that damage is seen whatever it does; then, NUL behind each:
 * `on` or `off`, `relay` or `norelay`, the hashes as in the line, the senders that the login may use. The record with
 * the empty key is about the file: struct users_about. */
#ifndef USERS_USERS_H
#define USERS_USERS_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>
#include "table/table.h"

#define USERS_NAME 200      /* bytes of the longest name */
#define USERS_PASSWORD 256  /* bytes of the longest password; with the name it fits into the interface's 512 */
#define USERS_CRYPT 160     /* bytes of the longest result of crypt(3) that is taken, with its NUL */
#define USERS_SALT 64       /* bytes of the longest salt of SCRAM */
#define USERS_HASH 32       /* bytes of SHA-256, and of the two states of MD5 */
#define USERS_ITERATIONS_LEAST 4096 /* RFC 7677 4 */
#define USERS_ITERATIONS_MOST 10000000

/* A password's hashes; any may be missing. */
struct users_keys {
  unsigned external : 1;    /* a certificate with the user's name is enough */
  char crypt[USERS_CRYPT];  /* crypt(3)'s, "" for none */
  unsigned cram : 1;        /* there are: */
  char states[USERS_HASH];  /* HMAC-MD5's state behind the outer padded key, then the inner one; four words of 4 bytes
                               each, little-endian */
  uint32_t iterations;      /* of SCRAM-SHA-256 (RFC 5802 3); 0: there is none of the following */
  char salt[USERS_SALT];
  size_t salt_len;
  char stored[USERS_HASH];  /* StoredKey */
  char server[USERS_HASH];  /* ServerKey */
};

/* Reads hashes as they stand in a line, s[0..n): `-` for none and {EXTERNAL}, or, with commas between them and each
 * kind once,
 *
 *   $y$...  $2b$...  $6$...             crypt(3): yescrypt, bcrypt (also $2a$, $2y$), SHA-512
 *   {CRAM-MD5}STATES                    both states, 64 digits of hexadecimal
 *   {SCRAM-SHA-256}ITERATIONS:SALT:STOREDKEY:SERVERKEY   base64 but for the number
 *   {EXTERNAL}                          no hash: the user may come in by a certificate
 *
 * Returns null, or what is wrong with them (static, holding nothing of them); *k means nothing then. */
char const *users_keys_scan(struct users_keys *k, char const *s, size_t n);

/* Bytes of a crypt(3) hash that say kind and cost, before the salt; and those up to the salt's end. */
size_t users_crypt_cost(char const *hash);
size_t users_crypt_setting(char const *hash);

/* Writes a name's canonical form, ASCII letters in lower case, with a NUL. Returns its length, or 0 when s[0..n) can't
 * be a name: letters, digits, UTF-8, and . _ + - @ = ~ ; the first byte none but a letter, a digit, `_` or UTF-8; at
 * most USERS_NAME bytes. Any byte may occur in s. */
size_t users_name(char out[USERS_NAME + 1], char const *s, size_t n);

struct user {
  char name[USERS_NAME + 1]; /* canonical */
  unsigned on : 1;           /* may log in */
  unsigned relay : 1;        /* has the privilege to relay */
  struct users_keys keys;    /* wipe them after use */
  char const *from;          /* the senders it may use, NUL behind each; into the table */
  size_t from_len;           /* bytes of them; 0: any */
};

#define USERS_SECRET 32
struct users_about {
  char secret[USERS_SECRET]; /* from which the salts of users who don't exist are made; the same for the file's life */
  unsigned cram : 1;         /* somebody can use it: is that mechanism worth offering? */
  unsigned scram : 1;
  unsigned external : 1;
  char setting[USERS_CRYPT]; /* of crypt(3), as most have it; "" when most have no such hash */
  uint32_t iterations;       /* of SCRAM, likewise; never 0 */
  uint32_t salt_len;         /* likewise */
};

/* Append a record's data. flags and hashes as in the line, from with a NUL behind each. Return 1, or 0 without
 * memory. */
int users_pack(stralloc *out, char const *name, size_t len, int on, int relay, char const *hashes, size_t hashes_len,
               char const *from, size_t from_len);
int users_pack_about(stralloc *out, struct users_about const *a);

/* Looks name[0..n) up, any bytes. Returns 1, 0 when there is no such user, -1 when the table is corrupt. */
int users_find(struct table_set const *t, char const *name, size_t n, struct user *u);

/* Returns 0, or -1 when the table is corrupt. */
int users_about(struct table_set const *t, struct users_about *a);

/* The secret for the users.cdb that will stand at `path`: that of the one that stands there, so that what is made up
 * for users who don't exist stays; a new one where there is none. Returns 0, or -1 with errno when the system has no
 * random bytes. */
int users_secret(char const *path, char secret[USERS_SECRET]);

#endif
