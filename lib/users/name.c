/* Names of users. They go into environments and logs, and others make paths of them: what could do harm there is no
 * name. */
#include <string.h>
#include "parse/utf8.h"
#include "users/users.h"

static int plain(unsigned char c)
{
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

size_t users_name(char out[USERS_NAME + 1], char const *s, size_t n)
{
  if (!n || n > USERS_NAME || !utf8_valid(s, n)) return 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    if (!plain(c) && (!i || !c || !strchr(".+-@=~", c))) return 0;
    out[i] = (char)c;
  }
  out[n] = 0;
  return n;
}
