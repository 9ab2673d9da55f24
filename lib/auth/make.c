/* Hashes made; salts come from the system. */
#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "auth/make.h"
#include "codec/base64.h"
#include "hash/hash.h"
#include "parse/number.h"
#include "parse/utf8.h"
#include "users/users.h"

#define SALT 16          /* bytes of SCRAM's */
#define BCRYPT_MOST 72

static struct { char const *name, *prefix; uint32_t least, usual, most; } const kinds[] = {
#define X(kind, name, prefix, least, usual, most, what) { name, prefix, least, usual, most },
  MAKE_KINDS(X)
#undef X
};

enum make_kind make_kind(char const *name)
{
  int i = 0;
  while (i < MAKE_COUNT && strcmp(kinds[i].name, name)) i++;
  return (enum make_kind)i;
}

int make_cost_ok(enum make_kind kind, uint32_t cost)
{
  return !cost || (cost >= kinds[kind].least && cost <= kinds[kind].most);
}

char const *make_unfit(enum make_kind kind, char const *s, size_t n)
{
  if (!n) return "the password is empty";
  if (n > USERS_PASSWORD) return "the password is too long: 256 bytes are allowed";
  if (kind == MAKE_BCRYPT && n > BCRYPT_MOST) return "the password is too long: bcrypt looks at 72 bytes and no more";
  if (memchr(s, 0, n)) return "the password holds a NUL byte";
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)s[i] < ' ' || s[i] == 0x7f) return "the password holds a control character";
  return utf8_valid(s, n) ? 0 : "the password is not valid UTF-8";
}

static int add_crypt(stralloc *out, struct make const *m, char const *password)
{
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  uint32_t cost = m->cost ? m->cost : kinds[m->kind].usual;
  if (!crypt_gensalt_rn(kinds[m->kind].prefix, cost, 0, 0, setting, sizeof setting)) return 0;
  struct crypt_data *d = calloc(1, sizeof *d);
  if (!d) return 0;
  char const *hash = crypt_r(password, setting, d);
  int ok = hash && *hash != '*' && strlen(hash) < USERS_CRYPT && stralloc_cats(out, hash);
  int e = errno;
  explicit_bzero(d, sizeof *d);
  free(d);
  errno = e;
  return ok;
}

static int add_base64(stralloc *out, char const *s, size_t n)
{
  char text[CODEC_BASE64(USERS_HASH)];
  return stralloc_cats(out, ":") && stralloc_catb(out, text, codec_base64(text, s, n));
}

static int add_scram(stralloc *out, uint32_t iterations, char const *password)
{
  char salt[SALT], stored[USERS_HASH], server[USERS_HASH], number[NUMBER_TEXT];
  if (getrandom(salt, sizeof salt, 0) != sizeof salt) return 0;
  number_fmt(number, iterations);
  int ok = hash_scram_keys(stored, server, password, salt, sizeof salt, iterations) &&
    stralloc_cats(out, ",{SCRAM-SHA-256}") && stralloc_cats(out, number) && add_base64(out, salt, sizeof salt) &&
    add_base64(out, stored, sizeof stored) && add_base64(out, server, sizeof server);
  explicit_bzero(server, sizeof server);
  return ok;
}

static int add_cram(stralloc *out, char const *password)
{
  static char const hex[] = "0123456789abcdef";
  char states[USERS_HASH], text[2 * USERS_HASH];
  hash_cram_states(states, password);
  for (size_t i = 0; i < sizeof states; i++) {
    text[2 * i] = hex[(unsigned char)states[i] >> 4];
    text[2 * i + 1] = hex[states[i] & 15];
  }
  int ok = stralloc_cats(out, ",{CRAM-MD5}") && stralloc_catb(out, text, sizeof text);
  explicit_bzero(states, sizeof states);
  explicit_bzero(text, sizeof text);
  return ok;
}

int make_hashes(stralloc *out, struct make const *m, char const *password)
{
  errno = ENOMEM;
  return add_crypt(out, m, password) && (!m->iterations || add_scram(out, m->iterations, password)) &&
    (!m->cram || add_cram(out, password));
}
