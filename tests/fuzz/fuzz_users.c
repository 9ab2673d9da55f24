/* Names and hashes of `users`, and what comes on descriptor 3. */
#include "fuzz.h"
#include "auth/asked.h"
#include "users/users.h"

static void names(char const *s, size_t n)
{
  char name[USERS_NAME + 1], again[USERS_NAME + 1];
  size_t len = users_name(name, s, n);
  if (!len) return;
  MUST(len == n && strlen(name) == n && !strpbrk(name, "/%\\ \t\r\n\"'`$:,;"));
  MUST(users_name(again, name, len) == len && !strcmp(name, again));
}

static void hashes(char const *s, size_t n)
{
  struct users_keys k;
  if (users_keys_scan(&k, s, n)) return;
  MUST(strlen(k.crypt) < USERS_CRYPT && k.salt_len <= USERS_SALT && !k.iterations == !k.salt_len);
  if (*k.crypt) MUST(users_crypt_cost(k.crypt) <= users_crypt_setting(k.crypt)
    && users_crypt_setting(k.crypt) < strlen(k.crypt));
  if (n > 1) MUST(*k.crypt || k.cram || k.iterations || k.external);
}

static void asked(char const *s, size_t n)
{
  struct asked q;
  if (!asked_scan(&q, s, n)) return;
  MUST(q.user == s && q.secret == s + strlen(s) + 1 && q.more == q.secret + strlen(q.secret) + 1);
  MUST(q.more + strlen(q.more) < s + n);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  char *s = fuzz_copy(data, size);
  names(s, size);
  hashes(s, size);
  asked(s, size);
  free(s);
  return 0;
}
