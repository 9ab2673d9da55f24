/* Gathers the forms by which the tables name addresses and domains. */
#include <errno.h>
#include <string.h>
#include "classes/parts.h"
#include "policy/gate.h"

#define AS_SENDER (NAMED_DOMAINS | NAMED_RECIPIENTS | NAMED_ALIASES | NAMED_LOCAL | NAMED_SENDER | NAMED_DEVICE_FROM | \
  NAMED_USERS)
#define AS_RECIPIENT (NAMED_DOMAINS | NAMED_RECIPIENTS | NAMED_ALIASES | NAMED_TO | NAMED_DENY | NAMED_DEVICE_TO | \
  NAMED_ROUTES)

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

/* Copies s to the text, with a NUL. */
static int keep(struct classes *c, size_t *at, char const *s, size_t n)
{
  *at = c->text.len;
  return stralloc_catb(&c->text, s, n) && stralloc_0(&c->text) ? 0 : nomem();
}

/* Can a look-up ask for it at all? Only for what the parser makes of an address that somebody gives. */
static int reachable(enum form form, char const *key)
{
  char text[TABLE_KEY + 8], again[ADDRESS_KEY];
  struct address a;
  size_t n = strlen(key), at = form == FORM_ADDRESS || form == FORM_EXTENSION ? 0 : form == FORM_DOMAIN ? 2 : 3;
  if (n > TABLE_KEY) return 0;
  memcpy(text, "a@a", at);
  memcpy(text + at, key, n + 1);
  if (address_mailbox(&a, text, at + n, 1) != ADDRESS_OK || !a.domain[0]) return 0;
  address_key(again, &a);
  return !strcmp(again, text);
}

static int add(struct names *x, struct classes *c, enum form form, unsigned named, unsigned role, char const *s,
               size_t n)
{
  struct name name = { .form = form, .named = named, .sender = !!(role & AS_SENDER),
    .recipient = !!(role & AS_RECIPIENT) };
  size_t before = c->text.len;
  if (keep(c, &name.key, s, n) < 0) return -1;
  if (memchr(s, 0, n) || !reachable(form, classes_text(c, name.key))) return c->text.len = before, 0;
  return genalloc_append(struct name, &x->all, &name) ? 0 : nomem();
}

/* A domain, a .suffix or a literal. */
static int add_domain(struct names *x, struct classes *c, unsigned named, unsigned role, char const *s, size_t n)
{
  if (n && *s == '.') return add(x, c, FORM_SUFFIX, named, role, s, n);
  return add(x, c, FORM_DOMAIN, named, role, s, n);
}

/* An address, and its domain for the others there. */
static int add_address(struct names *x, struct classes *c, enum form form, unsigned named, char const *s, size_t n)
{
  size_t at = n;
  while (at && s[at - 1] != '@') at--;
  if (add(x, c, form, named, named, s, n) < 0) return -1;
  return add_domain(x, c, 0, named, s + at, n - at);
}

/* As in `grant to`. */
static int add_to(struct names *x, struct classes *c, unsigned named, char const *s, size_t n)
{
  return memchr(s, '@', n) ? add_address(x, c, FORM_ADDRESS, named, s, n) : add_domain(x, c, named, named, s, n);
}

/* As in `grant sender`: domains have an @ before them. */
static int add_from(struct names *x, struct classes *c, unsigned named, char const *s, size_t n)
{
  if (n && *s == '@') return add_domain(x, c, named, named, s + 1, n - 1);
  return memchr(s, '@', n) ? add_address(x, c, FORM_ADDRESS, named, s, n) : 0;
}

int names_domain(struct names *x, struct classes *c, char const *key, size_t n, struct record const *r)
{
  unsigned listed = r->len == 6 && !memcmp(r->data, "listed", 6) ? LISTED : 0;
  return add_domain(x, c, NAMED_DOMAINS | listed, NAMED_DOMAINS, key, n);
}

int names_route(struct names *x, struct classes *c, char const *key, size_t n)
{
  return n ? add_domain(x, c, NAMED_ROUTES, NAMED_ROUTES, key, n) : 0; /* the default route tells nobody apart */
}

/* An extension's key is that of the address with the asterisk, too; both find the same record. */
int names_mailbox(struct names *x, struct classes *c, unsigned named, char const *key, size_t n)
{
  char const *at = n ? memchr(key, '@', n) : 0;
  size_t local = at ? (size_t)(at - key) : 0;
  if (local < 3 || key[local - 1] != '*' || (key[local - 2] != '+' && key[local - 2] != '-'))
    return add_from(x, c, named, key, n);
  return add_address(x, c, FORM_EXTENSION, named, key, n);
}

int names_senders(struct names *x, struct classes *c, struct record const *r)
{
  for (uint32_t at = 0; at < r->len; ) {
    char const *end = memchr(r->data + at, 0, r->len - at);
    if (!end) return errno = EPROTO, -1;
    size_t n = (size_t)(end - r->data) - at;
    if (add_from(x, c, NAMED_USERS, r->data + at, n) < 0) return -1;
    at += (uint32_t)n + 1;
  }
  return 0;
}

/* BITS FROM TO: the recipient has no blank, since one that needs quotes is refused before. */
static int add_device(struct names *x, struct classes *c, unsigned table, char const *s, size_t n,
                      struct record const *r)
{
  struct raw_device d = { .line = { .table = table, .record = *r } };
  unsigned bits;
  char const *blank = memchr(s, ' ', n);
  size_t from = blank ? (size_t)(blank - s) + 1 : n, to = n;
  while (to > from && s[to - 1] != ' ') to--;
  if (to <= from || !gate_cidr_scan(&d.line.ip, &bits, s, from - 1)) return 0;
  d.line.bits = (uint8_t)bits;
  if (keep(c, &d.from, s + from, to - 1 - from) < 0 || keep(c, &d.to, s + to, n - to) < 0) return -1;
  if (!genalloc_append(struct raw_device, &x->devices, &d)) return nomem();
  if (add_from(x, c, NAMED_DEVICE_FROM, s + from, to - 1 - from) < 0) return -1;
  if ((n - to == 3 && !memcmp(s + to, "any", 3)) || (n - to == 6 && !memcmp(s + to, "hosted", 6))) return 0;
  return add_to(x, c, NAMED_DEVICE_TO, s + to, n - to);
}

int names_relay(struct names *x, struct classes *c, unsigned table, char const *key, size_t n, struct record const *r)
{
  static struct { char const *verb; unsigned named; } const verbs[] = {
    { "grant to ", NAMED_TO }, { "deny to ", NAMED_DENY }, { "local ", NAMED_LOCAL }, { "grant sender ", NAMED_SENDER },
    { "grant device ", 0 },
  };
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    size_t len = strlen(verbs[i].verb);
    if (n <= len || memcmp(key, verbs[i].verb, len)) continue;
    if (!verbs[i].named) return add_device(x, c, table, key + len, n - len, r);
    if (verbs[i].named == NAMED_SENDER) return add_from(x, c, NAMED_SENDER, key + len, n - len);
    return add_to(x, c, verbs[i].named, key + len, n - len);
  }
  return 0;
}
