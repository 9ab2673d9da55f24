/* The addresses of `clients` (policy/gate.h has the keys):
 *
 *   (empty)   =   =host.example   =.example   192.0.2.1   192.0.2.   192.0.2.1-22   10.1-5.   192.0.2.0/24
 *   2001:db8::1   2001:db8::/32   [2001:db8::1]   [2001:db8::]/32   user@192.0.2.1   user@=host.example */
#include <string.h>
#include "rules/rules.h"

static char const bad_address[] = "is no address";
static char const no_prefix[] =
  "ends too early: a prefix has a dot at its end (192.0.2.) or a length (192.0.2.0/24)";

static void put(struct client *k, char const *s, size_t n)
{
  memcpy(k->key + k->len, s, n);
  k->len += n;
}

/* Not bad_address when there is more to be said. */
static char const *bad(char const *s, size_t n)
{
  return rules_octal(s, n) ? OCTAL : bad_address;
}

/* A number from 0 to 255 without leading zeros at s[*i]. Returns 1, or 0. */
static int octet(char const *s, size_t n, size_t *i, unsigned *value)
{
  size_t start = *i;
  *value = 0;
  while (*i < n && s[*i] >= '0' && s[*i] <= '9' && *i - start < 3) *value = 10 * *value + (unsigned)(s[(*i)++] - '0');
  return *i > start && (s[start] != '0' || *i == start + 1) && *value < 256;
}

/* 192.0.2.1, 192.0.2., either with one range; ranges expand to a key for each number. */
static char const *scan_dots(struct client *k, char const *s, size_t n)
{
  unsigned parts = 0;
  for (size_t i = 0; i < n; i++) {
    size_t start = i;
    unsigned number;
    if (parts++ == 4) return bad_address;
    if (!octet(s, n, &i, &number)) return bad(s, n);
    if (i < n && s[i] == '-') {
      if (k->range) return "has more than one range";
      i++;
      k->range = 1;
      k->first = number;
      k->at = k->len;
      if (!octet(s, n, &i, &k->last)) return bad(s, n);
      if (k->last < k->first) return "has a range that runs backwards";
    } else {
      put(k, s + start, i - start);
    }
    if (i == n) return parts == 4 ? 0 : no_prefix;
    if (s[i] != '.' || parts == 4) return bad_address;
    put(k, ".", 1);
  }
  return 0;
}

/* An address, perhaps in brackets. Returns 1, or 0. */
static int scan_ip(struct ip *ip, char const *s, size_t n)
{
  if (n > 2 && *s == '[' && s[n - 1] == ']') return ip_scan(ip, s + 1, n - 2);
  return ip_scan(ip, s, n);
}

static char const *scan_cidr(struct client *k, char const *s, size_t n, size_t slash)
{
  size_t i = slash + 1;
  unsigned mapped = 0;
  if (!scan_ip(&k->ip, s, slash))
    return rules_octal(s, slash) ? OCTAL : "is no prefix: an address, a slash and a length stand here";
  if (k->ip.len == 4 && memchr(s, ':', slash)) mapped = 96;
  k->mapped = mapped != 0;
  if (!octet(s, n, &i, &k->bits) || i < n || k->bits > mapped + 8U * k->ip.len) return "has no right prefix length";
  if (k->bits < mapped) return "is a prefix of IPv4-mapped addresses shorter than 96 bits: write it in IPv4";
  k->bits -= mapped;
  if (ip_mask(&k->ip, k->bits)) return "has bits set behind its prefix length";
  k->cidr = 1;
  k->everybody = !k->bits;
  k->len = gate_cidr_key(k->key, &k->ip, k->bits);
  return 0;
}

static char const *scan_name(struct client *k, char const *s, size_t n)
{
  char name[DOMAIN_TEXT];
  size_t dot = n > 1 && s[1] == '.';
  put(k, "=", 1);
  k->named = 1;
  k->everybody = n == 1;
  if (n == 1) return 0;
  size_t len = domain_canon(name, s + 1 + dot, n - 1 - dot);
  if (!len) return "has no host name after its `=`";
  if (dot) put(k, ".", 1);
  put(k, name, len);
  return 0;
}

static char const *scan_one_ip(struct client *k, char const *s, size_t n)
{
  char text[IP_TEXT];
  struct ip ip;
  if (!scan_ip(&ip, s, n)) return bad_address;
  k->mapped = ip.len == 4 && memchr(s, ':', n);
  size_t len = ip_fmt(text, &ip);
  put(k, text, len);
  return 0;
}

/* user@192.0.2.1, user@=host: what stands behind the last @ is one whole address or name. */
static char const *scan_info(struct client *k, char const *s, size_t at, size_t n)
{
  if (!at) return "has no user before its `@`";
  if (at > GATE_INFO) return "has too long a user before its `@`";
  for (size_t i = 0; i < at; i++)
    if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) return "has control characters before its `@`";
  put(k, s, at + 1);
  s += at + 1;
  n -= at + 1;
  if (n > 2 && *s == '=' && s[1] != '.') return scan_name(k, s, n);
  return scan_one_ip(k, s, n) ? "must have one address or =host after its `@`" : 0;
}

char const *client_scan(struct client *k, char const *s, size_t n)
{
  size_t at = n;
  memset(k, 0, sizeof *k);
  k->everybody = !n;
  if (!n) return 0;
  while (at && s[at - 1] != '@') at--;
  if (at) return scan_info(k, s, at - 1, n);
  if (*s == '=') return scan_name(k, s, n);
  char const *slash = memchr(s, '/', n);
  if (slash) return scan_cidr(k, s, n, (size_t)(slash - s));
  k->dots = !memchr(s, ':', n) && *s != '[';
  if (k->dots) return scan_dots(k, s, n);
  if (!scan_one_ip(k, s, n)) return 0;
  return s[n - 1] == ':' ? "is no address; an IPv6 prefix is written with its length (2001:db8::/32)" : bad_address;
}

size_t client_key(struct client const *k, unsigned i, char out[CLIENT_KEY])
{
  if (!k->range) {
    memcpy(out, k->key, k->len);
    return k->len;
  }
  char digits[3];
  size_t n = 0, len = k->at;
  do digits[n++] = (char)('0' + i % 10); while (i /= 10);
  memcpy(out, k->key, len);
  while (n) out[len++] = digits[--n];
  memcpy(out + len, k->key + k->at, k->len - k->at);
  return len + k->len - k->at;
}
