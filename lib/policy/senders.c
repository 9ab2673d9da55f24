/* A login's senders. */
#include <string.h>
#include "policy/senders.h"

/* @DOMAIN or @.SUFFIX */
static int of_domain(char const *entry, struct address const *a)
{
  char canon[DOMAIN_TEXT];
  int below = *entry == '.';
  size_t n = strlen(entry + below), len = strlen(a->domain);
  if (a->literal) return !below && !strcmp(entry, a->domain);
  size_t m = domain_canon(canon, entry + below, n);
  if (!m) return 0;
  if (!below) return !strcmp(canon, a->domain);
  return len > m + 1 && a->domain[len - m - 1] == '.' && !strcmp(a->domain + len - m, canon);
}

static int allows(char const *entry, struct address const *a)
{
  struct address mine;
  char wanted[ADDRESS_KEY], key[ADDRESS_KEY];
  if (*entry == '@') return of_domain(entry + 1, a);
  if (address_mailbox(&mine, entry, strlen(entry), 1) != ADDRESS_OK || !*mine.domain) return 0;
  size_t n = address_key(wanted, &mine);
  return address_key(key, a) == n && !memcmp(key, wanted, n);
}

int senders_allow(char const *s, size_t n, struct address const *a)
{
  if (!*a->domain) return 0;
  for (size_t at = 0; at < n; at += strlen(s + at) + 1) if (allows(s + at, a)) return 1;
  return 0;
}
