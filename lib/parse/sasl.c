/* SASL's messages. */
#include <string.h>
#include "parse/sasl.h"

int sasl_auth(struct piece *mechanism, struct piece *initial, char const *s, size_t n)
{
  char const *space = memchr(s, ' ', n);
  *mechanism = (struct piece){ s, space ? (size_t)(space - s) : n };
  *initial = (struct piece){ 0, 0 };
  if (!mechanism->len) return 0;
  if (!space) return 1;
  *initial = (struct piece){ space + 1, n - mechanism->len - 1 };
  if (!initial->len || memchr(initial->s, ' ', initial->len)) return 0;
  return 1;
}

int sasl_plain(struct piece *authzid, struct piece *authcid, struct piece *passwd, char const *s, size_t n)
{
  char const *first = n ? memchr(s, 0, n) : 0;
  if (!first) return 0;
  size_t rest = n - (size_t)(first + 1 - s);
  char const *second = memchr(first + 1, 0, rest);
  if (!second) return 0;
  *authzid = (struct piece){ s, (size_t)(first - s) };
  *authcid = (struct piece){ first + 1, (size_t)(second - first - 1) };
  *passwd = (struct piece){ second + 1, rest - authcid->len - 1 };
  return authcid->len && passwd->len && !memchr(passwd->s, 0, passwd->len);
}

int sasl_cram(struct piece *user, struct piece *digest, char const *s, size_t n)
{
  if (n < 34 || s[n - 33] != ' ') return 0;
  *user = (struct piece){ s, n - 33 };
  *digest = (struct piece){ s + n - 32, 32 };
  for (size_t i = 0; i < 32; i++)
    if (!strchr("0123456789abcdef", digest->s[i]) || !digest->s[i]) return 0;
  return 1;
}

int sasl_user(struct piece const *user, size_t max)
{
  if (!user->len || user->len > max) return 0;
  for (size_t i = 0; i < user->len; i++)
    if ((unsigned char)user->s[i] < ' ' || user->s[i] == 0x7f) return 0;
  return 1;
}

int sasl_auth_parameter(char const *s, size_t n)
{
  if (n == 2 && s[0] == '<' && s[1] == '>') return 1;
  for (size_t i = 0; i < n; i++) {
    if (s[i] <= ' ' || s[i] > '~' || s[i] == '=') return 0;
    if (s[i] != '+') continue;
    if (n - i < 3 || !memchr("0123456789ABCDEF", s[i + 1], 16) || !memchr("0123456789ABCDEF", s[i + 2], 16)) return 0;
    i += 2;
  }
  return n > 0;
}
