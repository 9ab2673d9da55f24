/* Records under a sum. */
#include <string.h>
#include <skalibs/sha256.h>
#include "table/seal.h"

static void sum(char out[TABLE_SEAL], char const *format, char const *key, size_t len, char const *s, size_t n)
{
  SHA256Schedule c = SHA256_INIT();
  sha256_update(&c, format, strlen(format) + 1);
  sha256_update(&c, key, len);
  sha256_update(&c, "", 1);
  sha256_update(&c, s, n);
  sha256_final(&c, out);
}

int table_seal_reserve(stralloc *out)
{
  static char const zero[TABLE_SEAL];
  return stralloc_catb(out, zero, sizeof zero);
}

void table_seal(stralloc *out, size_t at, char const *format, char const *key, size_t len)
{
  sum(out->s + at, format, key, len, out->s + at + TABLE_SEAL, out->len - at - TABLE_SEAL);
}

char const *table_unseal(struct record const *r, char const *format, char const *key, size_t len, size_t *n)
{
  char is[TABLE_SEAL];
  if (r->len <= sizeof is || r->data[r->len - 1]) return 0;
  *n = r->len - sizeof is;
  sum(is, format, key, len, r->data + sizeof is, *n);
  return memcmp(is, r->data, sizeof is) ? 0 : r->data + sizeof is;
}
