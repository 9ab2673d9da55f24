/* An envelope's address as it goes between < and >. */
#include <string.h>
#include "parse/address.h"
#include "smtp/client_send.h"

static int ascii(char const *s, size_t n)
{
  for (; n; s++, n--) if ((unsigned char)*s >= 0x80) return 0;
  return 1;
}

/* qmail's own programs hand over local parts without their quotes: `a..b@example.com`, `a:b@example.com`. Quotes
 * them. A space, a control or a quote in such a thing is more likely a mistake or an attack. Returns the length, or
 * 0. */
static size_t quote(char out[LIMIT_ADDRESS + 3], char const *s, size_t n)
{
  char const *at = memrchr(s, '@', n);
  size_t local = at ? (size_t)(at - s) : 0;
  if (!local || n > LIMIT_ADDRESS) return 0;
  for (size_t i = 0; i < local; i++) {
    if ((unsigned char)s[i] <= ' ' || s[i] == 127 || s[i] == '"' || s[i] == '\\') return 0;
  }
  out[0] = '"';
  memcpy(out + 1, s, local);
  out[local + 1] = '"';
  memcpy(out + local + 2, at, n - local);
  return n + 2;
}

/* A local part longer than RFC 5321 4.5.3.1.1 guarantees, as list servers make them of recipients' addresses:
 * whether it is too long is for the next server to say. Returns 1 for one of plain atoms. */
static int long_atoms(char const *s, size_t n)
{
  static char const atext[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.";
  char domain[DOMAIN_TEXT];
  char const *at = memrchr(s, '@', n);
  if (!at || at == s || strspn(s, atext) != (size_t)(at - s) || !ascii(at, n - (size_t)(at - s))) return 0;
  return domain_canon(domain, at + 1, n - (size_t)(at + 1 - s)) > 0;
}

static enum client_path write_path(char out[LIMIT_ADDRESS + 3], struct address const *a, int utf8)
{
  if (!ascii(a->text, a->local_len) && !utf8) return CLIENT_PATH_UTF8;
  if (a->utf8 && ascii(a->text, a->local_len)) {
    size_t d = strlen(a->domain);
    if (a->local_len + 1 + d > LIMIT_ADDRESS) return CLIENT_PATH_BAD;
    memcpy(out, a->text, a->local_len);
    out[a->local_len] = '@';
    memcpy(out + a->local_len + 1, a->domain, d + 1);
    return CLIENT_PATH_OK;
  }
  memcpy(out, a->text, a->len + 1);
  return CLIENT_PATH_OK;
}

enum client_path client_path(char out[LIMIT_ADDRESS + 3], char const *address, int utf8)
{
  struct address a;
  size_t n = strlen(address);
  if (n > LIMIT_ADDRESS) return CLIENT_PATH_BAD;
  enum address_error e = address_mailbox(&a, address, n, 1);
  if (e == ADDRESS_OK && a.len) return write_path(out, &a, utf8);
  if (e == ADDRESS_TOO_LONG && long_atoms(address, n)) return memcpy(out, address, n + 1), CLIENT_PATH_OK;
  n = quote(out, address, n);
  if (n && address_mailbox(&a, out, n, 1) == ADDRESS_OK && a.len) return write_path(out, &a, utf8);
  return CLIENT_PATH_BAD;
}
