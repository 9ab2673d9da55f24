/* Questions of checkpassword's interface. */
#include <string.h>
#include "auth/asked.h"
#include "checker/mechanism.h"
#include "hash/hash.h"

enum mechanism mechanism_of(char const *name)
{
  static enum mechanism const all[] = {
    [CHECKER_PLAIN] = MECHANISM_PASSWORD, [CHECKER_LOGIN] = MECHANISM_PASSWORD, [CHECKER_CRAM_MD5] = MECHANISM_CRAM,
    [CHECKER_SCRAM_SHA_256] = MECHANISM_SCRAM, [CHECKER_EXTERNAL] = MECHANISM_EXTERNAL,
    [CHECKER_COUNT] = MECHANISM_UNKNOWN,
  };
  return name ? all[checker_find(name, strlen(name))] : MECHANISM_UNSAID;
}

int asked_scan(struct asked *q, char const *s, size_t n)
{
  char const **part[3] = { &q->user, &q->secret, &q->more };
  for (int i = 0; i < 3; i++) {
    char const *end = n ? memchr(s, 0, n) : 0;
    if (!end) return 0;
    *part[i] = s;
    n -= (size_t)(end - s) + 1;
    s = end + 1;
  }
  return 1;
}

static int like_a_response(struct asked const *q)
{
  size_t n = strlen(q->more);
  return strlen(q->secret) == HASH_CRAM_DIGEST - 1 && strspn(q->secret, "0123456789abcdef") == HASH_CRAM_DIGEST - 1
    && n > 2 && q->more[0] == '<' && q->more[n - 1] == '>';
}

static int password(struct auth *a, struct user const *u, struct asked const *q)
{
  int result = auth_password(a, u, q->secret);
  return result == AUTH_YES && !*q->secret ? AUTH_NO : result;
}

int auth_asked(struct auth *a, struct table_set const *t, enum mechanism m, struct asked const *q, struct user *u)
{
  int found = users_find(t, q->user, strlen(q->user), u), result;
  struct user const *who = found > 0 ? u : 0;
  if (found < 0) return AUTH_CORRUPT;
  switch (m) {
    case MECHANISM_PASSWORD: return password(a, who, q);
    case MECHANISM_CRAM: return auth_cram(a, who, q->secret, q->more);
    case MECHANISM_EXTERNAL: return *q->secret ? AUTH_NO : auth_external(who);
    case MECHANISM_UNSAID: break;
    case MECHANISM_SCRAM: case MECHANISM_UNKNOWN: return AUTH_NO;
  }
  result = password(a, who, q);
  if (result == AUTH_NO && like_a_response(q)) result = auth_cram(a, who, q->secret, q->more);
  return result;
}
