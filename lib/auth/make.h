/* Hashes from a password, as they stand in `users`. */
#ifndef AUTH_MAKE_H
#define AUTH_MAKE_H

#include <stdint.h>
#include <skalibs/stralloc.h>

/* X(kind, name, prefix of crypt(3), least cost, usual, most, what costs) */
#define MAKE_KINDS(X) \
  X(MAKE_YESCRYPT, "yescrypt", "$y$", 1, 5, 11, "each step twice the memory and time") \
  X(MAKE_BCRYPT, "bcrypt", "$2b$", 4, 12, 16, "each step twice the time") \
  X(MAKE_SHA512, "sha512", "$6$", 1000, 200000, 10000000, "rounds")

enum make_kind {
#define X(kind, name, prefix, least, usual, most, what) kind,
  MAKE_KINDS(X)
#undef X
  MAKE_COUNT
};

struct make {
  enum make_kind kind;
  uint32_t cost;        /* 0: the usual one */
  uint32_t iterations;  /* of SCRAM-SHA-256 (users/users.h has the bounds); 0: no such hash */
  unsigned cram : 1;    /* CRAM-MD5's states too */
};

/* A kind by its name; MAKE_COUNT: there is none. */
enum make_kind make_kind(char const *name);
/* May its cost be this? 0 may. */
int make_cost_ok(enum make_kind kind, uint32_t cost);

/* What is wrong with a password, s[0..n), any bytes; null: nothing. Static. It must not be empty, have at most
 * USERS_PASSWORD bytes (bcrypt: 72, it looks at no more), be UTF-8 without control characters. */
char const *make_unfit(enum make_kind kind, char const *s, size_t n);

/* Appends the hashes of a fit password, NUL-terminated, with commas between. Returns 1, or 0 with errno. */
int make_hashes(stralloc *out, struct make const *m, char const *password);

#endif
