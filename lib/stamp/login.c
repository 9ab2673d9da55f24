/* Who has logged in. */
#include <string.h>
#include "stamp/login.h"

static int is_set(char const *s)
{
  return s && *s;
}

int login_is_done(struct login_env const *e)
{
  return !e->authuser || !e->authargv0 || is_set(e->authenticated);
}

int login_user(char out[STAMP_USER], struct login_env const *e)
{
  char const *user = is_set(e->authenticated) ? e->authenticated : e->user, *domain = 0;
  if (is_set(e->authenticated)) ;
  else if (is_set(e->user)) domain = is_set(e->domain) && !strchr(e->user, '@') ? e->domain : 0;
  else if (is_set(e->authuser) && !strchr(e->authuser, '/')) user = e->authuser;
  *out = 0;
  if (!is_set(user)) return 1;
  size_t n = strlen(user), more = domain ? 1 + strlen(domain) : 0;
  if (n >= STAMP_USER || more >= STAMP_USER - n) return 0;
  memcpy(out, user, n + 1);
  if (domain) {
    out[n] = '@';
    memcpy(out + n + 1, domain, more);
  }
  if (stamp_is_user(out, n + more)) return 1;
  *out = 0;
  return 0;
}

int login_is_client(struct ip const *ip)
{
  static uint8_t const none[16];
  return ip->len && memcmp(ip->b, none, sizeof none);
}

int login_address(struct ip *ip, char const *s)
{
  return s && ip_scan(ip, s, strcspn(s, "%")) && login_is_client(ip);
}
