/* Records of logins.cdb, written and looked up. */
#include <string.h>
#include "parse/address.h"
#include "parse/ip.h"
#include "parse/number.h"
#include "policy/logins.h"
#include "table/seal.h"

#define FIELDS 5
#define KEY (ADDRESS_KEY + 8)

static char const *const mechanisms[] = {
#define X(name, word) word,
  LOGIN_MECHANISMS(X)
#undef X
};

char const *login_mechanism_word(enum login_mechanism m)
{
  return mechanisms[m];
}

size_t logins_relay(char out[LOGIN_RELAY], char const *host, uint16_t port)
{
  char digits[NUMBER_TEXT];
  size_t n = 0, len = strlen(host);
  int brackets = *host != '/' && strchr(host, ':');
  if (brackets) out[n++] = '[';
  memcpy(out + n, host, len);
  n += len;
  if (brackets) out[n++] = ']';
  if (port && *host != '/') {
    out[n++] = ':';
    len = number_fmt(digits, port);
    memcpy(out + n, digits, len);
    n += len;
  }
  out[n] = 0;
  return n;
}

int logins_pack(stralloc *out, char const *key, size_t len, struct login const *l, char const *at)
{
  char const *const fields[FIELDS] = { l->user, l->password, mechanisms[l->mechanism], l->clear ? "clear" : "", at };
  size_t start = out->len;
  if (!table_seal_reserve(out)) return 0;
  for (int i = 0; i < FIELDS; i++) if (!stralloc_catb(out, fields[i], strlen(fields[i]) + 1)) return 0;
  table_seal(out, start, TABLE_FORMAT_LOGINS, key, len);
  return 1;
}

/* What is asked for: the keys of a route's relay. */
struct relay {
  char full[LOGIN_RELAY], host[LOGIN_RELAY]; /* with the port and without */
  int named;                                 /* the host is a name, so that suffixes count */
};

/* Is the relay's key among them? */
static int fits(struct relay const *x, char const *at)
{
  if (!*at || !strcmp(at, x->full) || !strcmp(at, x->host)) return 1;
  for (char const *s = x->named ? domain_wider(x->host) : ""; *s; s = domain_wider(s)) if (!strcmp(s, at)) return 1;
  return 0;
}

/* Reads a record. Returns 1, 0 when it is for another relay, -1 when it is damaged. */
static int unpack(struct login *l, struct record const *r, char const *key, size_t len, struct relay const *x)
{
  char const *f[FIELDS], *s, *end;
  size_t n;
  if (!(s = table_unseal(r, TABLE_FORMAT_LOGINS, key, len, &n))) return -1;
  end = s + n;
  for (int i = 0; i < FIELDS; i++, s += strlen(s) + 1) {
    if (s == end) return -1;
    f[i] = s;
  }
  size_t user = strlen(f[0]), password = strlen(f[1]);
  int m = 0;
  while (m < LOGIN_MECHANISM_COUNT && strcmp(f[2], mechanisms[m])) m++;
  if (s != end || user >= sizeof l->user || password >= sizeof l->password || m == LOGIN_MECHANISM_COUNT) return -1;
  if (!fits(x, f[4])) return 0;
  memcpy(l->user, f[0], user + 1);
  memcpy(l->password, f[1], password + 1);
  l->mechanism = (enum login_mechanism)m;
  l->clear = *f[3] != 0;
  l->line = r->line;
  return 1;
}

static int look(struct table_set const *t, char const *key, struct relay const *x, struct login *l)
{
  struct record r;
  size_t len = strlen(key);
  int found = table_find(t, TABLE_LOGINS, key, len, &r);
  return found > 0 ? unpack(l, &r, key, len, x) : found;
}

/* The sender's own line, then its domain's, then wider ones. */
static int by_sender(struct table_set const *t, struct relay const *x, char const *sender, struct login *l)
{
  struct address a;
  char key[KEY] = "from:";
  if (address_mailbox(&a, sender, strlen(sender), 1) != ADDRESS_OK || !*a.domain) return 0;
  address_key(key + 5, &a);
  int found = look(t, key, x, l);
  for (char const *s = a.domain; *s && !found; s = domain_wider(s)) {
    key[5] = '@';
    memcpy(key + 6, s, strlen(s) + 1);
    found = look(t, key, x, l);
  }
  return found;
}

int logins_find(struct table_set const *t, struct route const *r, char const *sender, struct login *l)
{
  struct relay x;
  struct ip ip;
  if (!t || !r->named) return 0;
  logins_relay(x.full, r->host, r->port);
  logins_relay(x.host, r->host, 0);
  x.named = !r->local && !ip_scan(&ip, r->host, strlen(r->host));
  int found = *sender ? by_sender(t, &x, sender, l) : 0;
  l->by_sender = found != 0;
  if (!found) found = look(t, x.full, &x, l);
  if (!found) found = look(t, x.host, &x, l);
  char const *wider = x.named ? domain_wider(x.host) : "";
  for (; *wider && !found; wider = domain_wider(wider)) found = look(t, wider, &x, l);
  return found;
}
