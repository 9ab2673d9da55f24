/* Entries: their text, their signature, their time. */
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "parse/number.h"
#include "share/entry.h"
#include "share/where.h"

#define MAGIC "posthouse-stamp-1\n"
_Static_assert(sizeof MAGIC + WHERE_PREFIX + NUMBER_TEXT + STAMP_NODE + ENTRY_NAME + STAMP_USER + ENTRY_SIGNATURE
  <= ENTRY_MAX, "ENTRY_MAX");

char const *entry_word(enum entry_result r)
{
  static char const *const words[] = {
#define X(result, word) word,
    ENTRY_RESULTS(X)
#undef X
  };
  return words[r];
}

size_t entry_name(char out[ENTRY_NAME], struct stamp const *s)
{
  size_t n = ip_fmt(out, &s->ip);
  if (!s->net) return n;
  memcpy(out + n, "/64", 4);
  return n + 3;
}

/* Reads a name; one that is written in another way is found by who compares. */
static int name_scan(struct stamp *out, char const *s, size_t n)
{
  out->net = n > 3 && !memcmp(s + n - 3, "/64", 3);
  if (!ip_scan(&out->ip, s, out->net ? n - 3 : n)) return 0;
  if (!out->net) return 1;
  struct ip first = stamp_network(&out->ip);
  return out->ip.len == 16 && !memcmp(first.b, out->ip.b, sizeof first.b);
}

int entry_is_name(char const *s, size_t n)
{
  struct stamp x;
  char again[ENTRY_NAME];
  return name_scan(&x, s, n) && entry_name(again, &x) == n && !memcmp(again, s, n);
}

static size_t line(char *out, char const *s, size_t n)
{
  memcpy(out, s, n);
  out[n] = '\n';
  return n + 1;
}

size_t entry_fmt(char out[ENTRY_MAX], struct stamp const *s, char const *prefix)
{
  char name[ENTRY_NAME], digits[NUMBER_TEXT];
  size_t n = sizeof MAGIC - 1, digits_len = number_fmt(digits, (uint64_t)s->time), name_len = entry_name(name, s);
  memcpy(out, MAGIC, n);
  n += line(out + n, prefix, strlen(prefix));
  n += line(out + n, digits, digits_len);
  n += line(out + n, s->node, strlen(s->node));
  n += line(out + n, name, name_len);
  n += line(out + n, s->user, strlen(s->user));
  return n;
}

/* The next line of s[*at..n), without its LF: sets its length, moves on. Null: there is none. */
static char const *next(char const *s, size_t n, size_t *at, size_t *len)
{
  char const *start = s + *at, *lf = memchr(start, '\n', n - *at);
  if (!lf) return 0;
  *len = (size_t)(lf - start);
  *at += *len + 1;
  return start;
}

/* out: WHERE_PREFIX + 1 bytes. */
static int prefix_scan(char *out, char const *s, size_t n)
{
  if (n > WHERE_PREFIX) return 0;
  memcpy(out, s, n);
  out[n] = 0;
  return strlen(out) == n && where_is_prefix(out);
}

static int time_scan(int64_t *out, char const *s, size_t n)
{
  uint64_t t;
  if (number_scan(s, n, INT64_MAX / 2, &t) != NUMBER_OK) return 0;
  *out = (int64_t)t;
  return 1;
}

enum entry_result entry_scan(struct stamp *out, char const *s, size_t n, char const *prefix)
{
  char const *l;
  char again[ENTRY_MAX], theirs[WHERE_PREFIX + 1];
  size_t at = sizeof MAGIC - 1, len;
  struct stamp x = { .boot = -1 };
  if (n < at || n > ENTRY_MAX - ENTRY_SIGNATURE || memcmp(s, MAGIC, at)) return ENTRY_NONE;
  if (!(l = next(s, n, &at, &len)) || !prefix_scan(theirs, l, len)) return ENTRY_NONE;
  if (!(l = next(s, n, &at, &len)) || !time_scan(&x.time, l, len)) return ENTRY_NONE;
  if (!(l = next(s, n, &at, &len)) || !stamp_is_node(l, len)) return ENTRY_NONE;
  memcpy(x.node, l, len);
  if (!(l = next(s, n, &at, &len)) || !name_scan(&x, l, len)) return ENTRY_NONE;
  if (!(l = next(s, n, &at, &len)) || (len && !stamp_is_user(l, len))) return ENTRY_NONE;
  memcpy(x.user, l, len);
  if (entry_fmt(again, &x, theirs) != n || memcmp(again, s, n)) return ENTRY_NONE;
  if (strcmp(theirs, prefix)) return ENTRY_OTHER;
  *out = x;
  return ENTRY_GOOD;
}

/* The signature of s[0..n). */
static int sign(char out[ENTRY_SIGNATURE], char const *s, size_t n, struct entry_key const *key)
{
  static char const hex[] = "0123456789abcdef";
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned len;
  if (!HMAC(EVP_sha256(), key->s, (int)key->len, (unsigned char const *)s, n, mac, &len)) return 0;
  if (len != ENTRY_SIGNATURE / 2) return 0;
  for (unsigned i = 0; i < len; i++) {
    out[2 * i] = hex[mac[i] >> 4];
    out[2 * i + 1] = hex[mac[i] & 15];
  }
  return 1;
}

size_t entry_seal(char out[ENTRY_MAX], struct stamp const *s, struct entry_key const *key)
{
  size_t n = entry_fmt(out, s, key->prefix);
  return sign(out + n, out, n, key) ? n + ENTRY_SIGNATURE : 0;
}

enum entry_result entry_open(struct stamp *out, char const *s, size_t n, struct entry_key const *key)
{
  char signature[ENTRY_SIGNATURE];
  if (n > ENTRY_MAX) return ENTRY_LARGE;
  if (n < ENTRY_SIGNATURE) return ENTRY_UNSIGNED;
  n -= ENTRY_SIGNATURE;
  if (!sign(signature, s, n, key) || CRYPTO_memcmp(signature, s + n, ENTRY_SIGNATURE)) return ENTRY_UNSIGNED;
  return entry_scan(out, s, n, key->prefix);
}

enum entry_result entry_judge(struct stamp *s, struct clocks const *c, int64_t late, int64_t seconds)
{
  int64_t age = c->now + late - s->time;
  if (age < -ENTRY_AHEAD) return ENTRY_FUTURE;
  if (age >= seconds) return ENTRY_EXPIRED;
  if (age < 0) age = 0;
  s->time = c->now > age ? c->now - age : 0;
  s->boot = c->boot > age ? c->boot - age : 0;
  return ENTRY_GOOD;
}
