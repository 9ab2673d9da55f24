/* The hashes of a line, read. */
#include <string.h>
#include "codec/base64.h"
#include "parse/number.h"
#include "users/users.h"

#define BCRYPT_COST_MOST 16       /* some seconds each, as the others' bounds */
#define SHA512_ROUNDS_MOST 10000000
#define STARTS(s, n, with) ((n) >= sizeof with - 1 && !memcmp(s, with, sizeof with - 1))

static char const no_hash[] = "no hash of a kind that is known here; if it is the password itself, take it out: "
  "relay-passwd makes hashes of one";

/* crypt(3)'s digits. */
static size_t digits(char const *s, size_t n)
{
  size_t i = 0;
  while (i < n && ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '.' && s[i] <= '9'))) i++;
  return i;
}

/* `$` and digits, least to most of them, and then the end or another `$`. Returns the bytes, or 0. */
static size_t part(char const *s, size_t n, size_t least, size_t most)
{
  if (!n || *s != '$') return 0;
  size_t k = digits(s + 1, n - 1);
  return k >= least && k <= most && (1 + k == n || s[1 + k] == '$') ? 1 + k : 0;
}

static char const *yescrypt(char const *s, size_t n)
{
  size_t i = 2, k;
  for (int p = 0; p < 3; p++, i += k)
    if (!(k = part(s + i, n - i, p == 0 ? 3 : p == 1 ? 1 : 43, p == 0 ? 20 : p == 1 ? 86 : 43)))
      return "a malformed hash of yescrypt";
  return i == n ? 0 : "a malformed hash of yescrypt";
}

static char const *bcrypt(char const *s, size_t n)
{
  if (n != 60 || !memchr("aby", s[2], 3) || s[6] != '$' || digits(s + 7, 53) != 53) return "a malformed hash of bcrypt";
  if (s[4] < '0' || s[4] > '9' || s[5] < '0' || s[5] > '9') return "a malformed hash of bcrypt";
  int cost = (s[4] - '0') * 10 + s[5] - '0';
  if (cost < 4) return "a malformed hash of bcrypt";
  return cost > BCRYPT_COST_MOST ? "a hash that takes longer than a login may: its cost must be 16 at most" : 0;
}

static char const *sha512(char const *s, size_t n)
{
  static char const malformed[] = "a malformed hash of SHA-512";
  uint64_t rounds = 5000;
  size_t i = 2, k;
  if (STARTS(s + 2, n - 2, "$rounds=")) {
    char const *end = memchr(s + 10, '$', n - 10);
    if (!end || s[10] == '0' || number_scan(s + 10, (size_t)(end - s) - 10, 999999999, &rounds) != NUMBER_OK)
      return malformed;
    i = (size_t)(end - s);
  }
  if (!(k = part(s + i, n - i, 1, 16))) return malformed;
  i += k;
  if (!(k = part(s + i, n - i, 86, 86)) || i + k != n || rounds < 1000) return malformed;
  return rounds > SHA512_ROUNDS_MOST ? "a hash that takes longer than a login may: 10000000 rounds at most" : 0;
}

static char const *crypts(struct users_keys *k, char const *s, size_t n)
{
  static char const *const weak[] = { "$1$", "$md5", "$3$", "$sha1$" };
  char const *why = no_hash;
  for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
    if (n >= strlen(weak[i]) && !memcmp(s, weak[i], strlen(weak[i])))
      return "a weak hash, which is guessed quickly; relay-passwd makes a strong one";
  if (STARTS(s, n, "$y$")) why = yescrypt(s, n);
  else if (STARTS(s, n, "$6$")) why = sha512(s, n);
  else if (STARTS(s, n, "$2") && n > 3 && s[3] == '$') why = bcrypt(s, n);
  if (why) return why;
  if (*k->crypt) return "two hashes of crypt(3); there can be one";
  if (n >= sizeof k->crypt) return "a hash that is too long";
  memcpy(k->crypt, s, n);
  k->crypt[n] = 0;
  return 0;
}

static int hex(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char const *cram(struct users_keys *k, char const *s, size_t n)
{
  if (k->cram) return "{CRAM-MD5} twice";
  if (n != 2 * USERS_HASH) return "malformed: behind {CRAM-MD5} stand 64 digits, 0 to 9 and a to f";
  for (size_t i = 0; i < USERS_HASH; i++) {
    int high = hex(s[2 * i]), low = hex(s[2 * i + 1]);
    if (high < 0 || low < 0) return "malformed: behind {CRAM-MD5} stand 64 digits, 0 to 9 and a to f";
    k->states[i] = (char)(high << 4 | low);
  }
  k->cram = 1;
  return 0;
}

/* Base64 up to a colon or the end, `least` to `most` bytes of it. Returns them, and how far it went in *at; or 0. */
static size_t base64(char *out, char const *s, size_t n, size_t *at, size_t least, size_t most)
{
  char piece[(USERS_SALT + 3) / 3 * 3];
  char const *colon = memchr(s + *at, ':', n - *at);
  size_t len = (colon ? (size_t)(colon - s) : n) - *at, bytes;
  if (len / 4 * 3 > sizeof piece || !codec_unbase64(piece, &bytes, s + *at, len) || bytes < least || bytes > most)
    return 0;
  memcpy(out, piece, bytes);
  explicit_bzero(piece, sizeof piece);
  *at += len + (colon != 0);
  return bytes;
}

static char const *scram(struct users_keys *k, char const *s, size_t n)
{
  static char const malformed[] = "malformed: behind {SCRAM-SHA-256} stand iterations:salt:StoredKey:ServerKey";
  char const *colon = memchr(s, ':', n);
  uint64_t iterations;
  if (k->iterations) return "{SCRAM-SHA-256} twice";
  if (!colon || *s == '0' || number_scan(s, (size_t)(colon - s), UINT32_MAX, &iterations) != NUMBER_OK)
    return malformed;
  if (iterations < USERS_ITERATIONS_LEAST || iterations > USERS_ITERATIONS_MOST)
    return "{SCRAM-SHA-256} with iterations that are not from 4096 to 10000000";
  size_t at = (size_t)(colon - s) + 1;
  if (!(k->salt_len = base64(k->salt, s, n, &at, 8, USERS_SALT)) ||
      !base64(k->stored, s, n, &at, USERS_HASH, USERS_HASH) ||
      !base64(k->server, s, n, &at, USERS_HASH, USERS_HASH) || at != n || s[n - 1] == ':') return malformed;
  k->iterations = (uint32_t)iterations;
  return 0;
}

static char const *one(struct users_keys *k, char const *s, size_t n)
{
  static char const c[] = "{CRAM-MD5}", r[] = "{SCRAM-SHA-256}", e[] = "{EXTERNAL}";
  if (n == sizeof e - 1 && !memcmp(s, e, n)) {
    if (k->external) return "{EXTERNAL} twice";
    k->external = 1;
    return 0;
  }
  if (STARTS(s, n, c)) return cram(k, s + sizeof c - 1, n - (sizeof c - 1));
  if (STARTS(s, n, r)) return scram(k, s + sizeof r - 1, n - (sizeof r - 1));
  return n ? crypts(k, s, n) : "an empty hash";
}

char const *users_keys_scan(struct users_keys *k, char const *s, size_t n)
{
  memset(k, 0, sizeof *k);
  if (n == 1 && *s == '-') return k->external = 1, (char const *)0;
  for (size_t at = 0; ; ) {
    char const *comma = memchr(s + at, ',', n - at);
    size_t len = (comma ? (size_t)(comma - s) : n) - at;
    char const *why = one(k, s + at, len);
    if (why) return why;
    if (!comma) return 0;
    at += len + 1;
  }
}

/* Where the `count`th `$` is, and how far it goes with it. */
static size_t dollars(char const *s, int count)
{
  size_t i = 0;
  while (s[i] && (s[i] != '$' || --count)) i++;
  return s[i] ? i + 1 : i;
}

size_t users_crypt_cost(char const *hash)
{
  if (!strncmp(hash, "$6$", 3)) return strncmp(hash, "$6$rounds=", 10) ? 3 : dollars(hash, 3);
  return dollars(hash, 3);
}

size_t users_crypt_setting(char const *hash)
{
  if (!strncmp(hash, "$2", 2)) return 29; /* 22 digits of salt behind the cost */
  return (size_t)(strrchr(hash, '$') - hash) + 1;
}
