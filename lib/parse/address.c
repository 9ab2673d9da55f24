/* Paths and mailboxes of SMTP. A cursor goes over the text once; each reader below is one rule of RFC 5321 4.1.2. */
#include <string.h>
#include "parse/address.h"
#include "parse/ip.h"
#include "parse/utf8.h"

struct cursor {
  char const *s;
  size_t n, pos;
};

static int at(struct cursor const *c, char ch)
{
  return c->pos < c->n && c->s[c->pos] == ch;
}

/* Bytes of the character at the cursor if it may stand in a local part beyond ASCII (RFC 6531 3.3), else 0. */
static size_t beyond_ascii(struct cursor const *c)
{
  uint32_t u;
  size_t len = utf8_next(&u, c->s + c->pos, c->n - c->pos);
  return len && u >= 0xa0 ? len : 0;
}

static int is_atext(unsigned char ch)
{
  return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9')
    || (ch && strchr("!#$%&'*+-/=?^_`{|}~", ch));
}

/* Appends to a->text what fits; a->len counts on, so that what didn't is known. */
static void put(struct address *a, char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++, a->len++)
    if (a->len < LIMIT_ADDRESS) a->text[a->len] = s[i];
}

/* Is s[0..n) a Dot-string? Its bytes were checked already. */
static int is_dot_string(char const *s, size_t n)
{
  if (!n || s[0] == '.' || s[n - 1] == '.') return 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '.' && s[i + 1] == '.') return 0;
    if (s[i] != '.' && (unsigned char)s[i] < 0x80 && !is_atext((unsigned char)s[i])) return 0;
  }
  return 1;
}

/* Quoted-string: its content goes to `plain`, a buffer of LIMIT_LOCAL_PART bytes. Returns 0 on bad syntax; *len may
 * exceed the buffer, which then holds only the beginning. */
static int quoted(struct cursor *c, char *plain, size_t *len)
{
  for (c->pos++, *len = 0; c->pos < c->n; ) {
    size_t step = 1;
    if (at(c, '"')) return c->pos++, 1;
    if (at(c, '\\')) {
      if (++c->pos == c->n || (unsigned char)c->s[c->pos] >= 0x80) return 0;
    }
    unsigned char ch = (unsigned char)c->s[c->pos];
    if (ch < ' ' || ch == 0x7f) return 0;
    if (ch >= 0x80 && !(step = beyond_ascii(c))) return 0;
    for (; step; step--, c->pos++, ++*len)
      if (*len < LIMIT_LOCAL_PART) plain[*len] = c->s[c->pos];
  }
  return 0;
}

/* Dot-string. Returns 0 on bad syntax. */
static int dotted(struct cursor *c, char *plain, size_t *len)
{
  int dot = 1; /* the last one was a dot, or nothing: an atom must follow */
  for (*len = 0; c->pos < c->n; ) {
    unsigned char ch = (unsigned char)c->s[c->pos];
    size_t step = ch >= 0x80 ? beyond_ascii(c) : is_atext(ch) || ch == '.';
    if (!step) {
      if (ch >= 0x80) return 0;
      break;
    }
    if (ch == '.' && dot) return 0;
    dot = ch == '.';
    for (; step; step--, c->pos++, ++*len)
      if (*len < LIMIT_LOCAL_PART) plain[*len] = c->s[c->pos];
  }
  return !dot;
}

/* Local-part, written to a->text without quotes that it does not need. */
static enum address_error local_part(struct address *a, struct cursor *c)
{
  char plain[LIMIT_LOCAL_PART];
  size_t len;
  if (!(at(c, '"') ? quoted(c, plain, &len) : dotted(c, plain, &len))) return ADDRESS_SYNTAX;
  if (len > LIMIT_LOCAL_PART) return ADDRESS_TOO_LONG;
  for (size_t i = 0; i < len; i++)
    if (plain[i] == '%' || plain[i] == '!' || plain[i] == '@') a->onward = 1;
  if (is_dot_string(plain, len)) {
    put(a, plain, len);
  }
  else {
    a->onward = 1;
    put(a, "\"", 1);
    for (size_t i = 0; i < len; i++) {
      if (plain[i] == '"' || plain[i] == '\\') put(a, "\\", 1);
      put(a, plain + i, 1);
    }
    put(a, "\"", 1);
  }
  a->local_len = a->len;
  return ADDRESS_OK;
}

static int is_tagged(char const *s, size_t n)
{
  return n >= 5 && (s[0] | 32) == 'i' && (s[1] | 32) == 'p' && (s[2] | 32) == 'v' && s[3] == '6' && s[4] == ':';
}

int address_literal_scan(struct ip *ip, char const *s, size_t n)
{
  if (n < 3 || s[0] != '[' || s[n - 1] != ']') return 0;
  size_t tag = is_tagged(s + 1, n - 2) ? 5 : 0;
  return ip_scan(ip, s + 1 + tag, n - 2 - tag);
}

size_t address_literal_fmt(char out[ADDRESS_LITERAL], struct ip const *ip)
{
  size_t len = 1;
  out[0] = '[';
  if (ip->len == 16) {
    memcpy(out + len, "IPv6:", 5);
    len += 5;
  }
  len += ip_fmt(out + len, ip);
  memcpy(out + len, "]", 2);
  return len + 1;
}

/* address-literal: IPv4 or IPv6 (RFC 5321 4.1.3), to a->domain in canonical form. The cursor stands behind `[`. */
static int literal(struct address *a, struct cursor *c)
{
  char const *s = c->s + c->pos, *end = memchr(s, ']', c->n - c->pos);
  struct ip ip;
  if (!end) return 0;
  size_t n = (size_t)(end - s);
  c->pos += n + 1;
  int tagged = is_tagged(s, n);
  if (tagged) s += 5, n -= 5;
  if (!ip_scan(&ip, s, n) || tagged != !!memchr(s, ':', n)) return 0;
  address_literal_fmt(a->domain, &ip);
  a->literal = 1;
  return 1;
}

/* Bytes at the cursor that can be of a Domain; what they make is domain_canon's to judge. */
static size_t domain_run(struct cursor const *c)
{
  size_t n = 0;
  for (char const *s = c->s + c->pos; c->pos + n < c->n; n++) {
    unsigned char ch = (unsigned char)s[n];
    if (ch < 0x80 && ch != '.' && ch != '-' && ch != '_' && !(ch >= '0' && ch <= '9')
      && !((ch | 32) >= 'a' && (ch | 32) <= 'z')) break;
  }
  return n;
}

/* Domain or address-literal behind the `@`, to a->text as it is spelled and to a->domain. */
static enum address_error domain(struct address *a, struct cursor *c)
{
  size_t start = c->pos, n;
  if (at(c, '[')) {
    c->pos++;
    if (!literal(a, c)) return ADDRESS_SYNTAX;
    n = c->pos - start;
  }
  else {
    n = domain_run(c);
    c->pos += n;
    if (n && c->s[start + n - 1] == '.') n--;
    if (n > LIMIT_DOMAIN) return ADDRESS_TOO_LONG;
    if (!domain_canon(a->domain, c->s + start, n) || c->s[start + n - 1] == '.') return ADDRESS_SYNTAX;
  }
  put(a, "@", 1);
  put(a, c->s + start, n);
  return ADDRESS_OK;
}

/* A-d-l `:`, read and forgotten (RFC 5321 4.1.1.3, appendix C). */
static int source_route(struct cursor *c)
{
  char canonical[DOMAIN_TEXT];
  while (at(c, '@')) {
    c->pos++;
    size_t n = domain_run(c);
    if (!domain_canon(canonical, c->s + c->pos, n)) return 0;
    c->pos += n;
    if (at(c, ':')) return c->pos++, 1;
    if (!at(c, ',')) return 0;
    c->pos++;
  }
  return 0;
}

static int is_postmaster(char const *s, size_t n)
{
  static char const name[] = "postmaster";
  if (n != sizeof name - 1) return 0;
  for (size_t i = 0; i < n; i++)
    if ((s[i] | 32) != name[i]) return 0;
  return 1;
}

/* Mailbox, or postmaster alone if `bare_ok`. */
static enum address_error mailbox(struct address *a, struct cursor *c, int bare_ok)
{
  enum address_error e = local_part(a, c);
  if (e) return e;
  if (at(c, '@')) {
    c->pos++;
    if ((e = domain(a, c))) return e;
  }
  else if (!bare_ok || !is_postmaster(a->text, a->len)) {
    return ADDRESS_SYNTAX;
  }
  return ADDRESS_OK;
}

/* What holds for the whole, once its syntax is known to be right. s[0..n) is what was read. */
static enum address_error judge(struct address *a, char const *s, size_t n, int utf8)
{
  int beyond = 0;
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)s[i] >= 0x80) beyond = 1;
  if (beyond && !utf8) return ADDRESS_NEEDS_UTF8;
  if (a->len > LIMIT_ADDRESS) return ADDRESS_TOO_LONG;
  a->text[a->len] = 0;
  for (size_t i = 0; i < a->len; i++)
    if ((unsigned char)a->text[i] >= 0x80) a->utf8 = 1;
  return ADDRESS_OK;
}

static void clear(struct address *a)
{
  a->text[0] = a->domain[0] = 0;
  a->len = a->local_len = 0;
  a->literal = a->utf8 = a->onward = 0;
}

enum address_error address_path(struct address *a, char const *s, size_t n, int null_ok, int utf8, size_t *used)
{
  struct cursor c = { s, n, 1 };
  clear(a);
  if (!n || s[0] != '<') return ADDRESS_SYNTAX;
  if (at(&c, '>')) {
    *used = 2;
    return null_ok ? ADDRESS_OK : ADDRESS_SYNTAX;
  }
  if (at(&c, '@') && !source_route(&c)) return ADDRESS_SYNTAX;
  enum address_error e = mailbox(a, &c, !null_ok);
  if (e) return e;
  if (!at(&c, '>')) return ADDRESS_SYNTAX;
  *used = ++c.pos;
  return judge(a, s, c.pos, utf8);
}

enum address_error address_mailbox(struct address *a, char const *s, size_t n, int utf8)
{
  struct cursor c = { s, n, 0 };
  clear(a);
  enum address_error e = mailbox(a, &c, 1);
  if (e) return e;
  return c.pos == n ? judge(a, s, n, utf8) : ADDRESS_SYNTAX;
}

size_t address_key(char out[ADDRESS_KEY], struct address const *a)
{
  size_t n = a->local_len, m = strlen(a->domain);
  for (size_t i = 0; i < n; i++) out[i] = (char)(a->text[i] >= 'A' && a->text[i] <= 'Z' ? a->text[i] + 32 : a->text[i]);
  if (m) {
    out[n++] = '@';
    memcpy(out + n, a->domain, m);
    n += m;
  }
  out[n] = 0;
  return n;
}
