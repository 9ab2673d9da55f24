/* The address of a rule for tcprules(1): what it stands for, and whether any client can have it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "import/rules.h"
#include "parse/ip.h"
#include "parse/number.h"
#include "policy/gate.h"

/* 192.0.2.1 or 192.0.2. as tcpserver spells addresses: nothing else is ever asked for. */
static int is_dots(struct text t)
{
  char text[IP_TEXT];
  struct ip ip;
  unsigned parts = 0;
  if (!t.n || t.n > 15) return 0;
  memcpy(text, t.s, t.n);
  size_t n = t.n;
  for (size_t i = 0; i < t.n; i++) parts += t.s[i] == '.';
  if (text[n - 1] == '.') {
    if (parts > 3) return 0;
    for (; parts < 4; parts++) {
      text[n++] = '0';
      if (parts < 3) text[n++] = '.';
    }
  }
  return ip_scan(&ip, text, n);
}

/* A host's name without capitals and without a dot at its end: names from DNS come so. */
static int is_name(struct text t)
{
  char name[DOMAIN_TEXT];
  return domain_canon(name, t.s, t.n) == t.n && !memcmp(name, t.s, t.n);
}

/* Can tcprules' look-up ever ask for this key? */
static int is_live(struct text t)
{
  if (!t.n) return 1;
  size_t at = t.n;
  while (at && t.s[at - 1] != '@') at--;
  if (at) {
    struct text behind = { t.s + at, t.n - at };
    if (at < 2 || !behind.n || behind.s[behind.n - 1] == '.') return 0;
    return *behind.s == '=' ? is_name((struct text){ behind.s + 1, behind.n - 1 }) : is_dots(behind);
  }
  if (*t.s != '=') return is_dots(t);
  size_t skip = t.n > 1 && t.s[1] == '.' ? 2 : 1;
  return t.n == 1 || is_name((struct text){ t.s + skip, t.n - skip });
}

/* Why a live key can't stand in `clients`, or null. */
static char const *why_not(struct text t)
{
  size_t at = t.n;
  while (at && t.s[at - 1] != '@') at--;
  if (at && (*t.s == ' ' || *t.s == '\t')) return "a user that begins with a blank can't be asked for here";
  if (at > GATE_INFO + 1) return "a user that long can't be asked for here";
  for (size_t i = 0; i < at; i++)
    if ((unsigned char)t.s[i] < 0x20 || t.s[i] == 0x7f) return "a user with control characters can't be asked for here";
  return 0;
}

/* ucspi-tcp6's: an IPv6 address, or a prefix with a length. Returns the length of its canonical text, 0: neither. */
static size_t six(struct import *x, struct rule *r, char out[IP_TEXT + 4])
{
  struct ip ip;
  struct text address = r->address, length = { 0, 0 };
  uint64_t bits = 0;
  int cidr = text_cut(r->address, '/', &address, &length);
  if (address.n > 2 && *address.s == '[' && address.s[address.n - 1] == ']')
    address = (struct text){ address.s + 1, address.n - 2 };
  if (!ip_scan(&ip, address.s, address.n)) return 0;
  unsigned mapped = ip.len == 4 && memchr(address.s, ':', address.n) ? 96 : 0;
  size_t n = ip_fmt(out, &ip);
  if (!cidr) return n;
  if (number_scan(length.s, length.n, mapped + 8U * ip.len, &bits) != NUMBER_OK || bits < mapped) return 0;
  bits -= mapped;
  if (ip_mask(&ip, (unsigned)bits))
    import_note(x, r->from, "the bits behind the prefix of %.*s are cleared", SHOWN(r->address));
  r->prefix = !r->six;
  if (r->prefix && r->deny)
    import_note(x, r->from,
                "%.*s is a prefix, as for ucspi-tcp6; the older tcprules takes it for a key that no client has",
                SHOWN(r->address));
  n = ip_fmt(out, &ip);
  return n + (size_t)snprintf(out + n, 5, "/%u", (unsigned)bits);
}

static void add(struct import *x, struct rule *r, struct text key)
{
  uint32_t line;
  char const *why = why_not(key);
  if (why) import_left(x, r->from, "%.*s: %s", SHOWN(key), why);
  else if (!names_find(&x->keys[IMPORT_CLIENTS], key.s, key.n, &line)) rule_write(x, r, key);
  else import_note(x, r->from, "%.*s stands in line %u already, and that one counts", SHOWN(key), (unsigned)line);
}

/* A number within an address as tcprules reads it; what is larger than 255 is all the same. */
static int octet(struct text t, unsigned *value)
{
  uint64_t v;
  *value = 0;
  if (!t.n) return 1;
  enum number_status s = number_scan(t.s, t.n, 256, &v);
  *value = (unsigned)v;
  return s != NUMBER_BAD;
}

/* An address with a range: `before`, the numbers, `behind`. */
struct range {
  struct text before, behind;
  unsigned first, last;
};

static size_t spell(char out[64], struct range const *a, unsigned first, unsigned last)
{
  char text[16];
  int n = first == last ? snprintf(text, sizeof text, "%u", first) : snprintf(text, sizeof text, "%u-%u", first, last);
  size_t len = a->before.n;
  memcpy(out, a->before.s, len);
  memcpy(out + len, text, (size_t)n);
  len += (size_t)n;
  if (a->behind.n) memcpy(out + len, a->behind.s, a->behind.n);
  return len + a->behind.n;
}

/* The numbers that no line before has, in as few lines as can be. */
static void add_range(struct import *x, struct rule *r, struct range const *a)
{
  char key[64], shown[64];
  unsigned first = a->first, twice = 0;
  uint32_t line = 0;
  for (unsigned i = a->first; i <= a->last + 1 && !x->broken; i++) {
    size_t n = i <= a->last ? spell(key, a, i, i) : 0;
    if (n && !names_find(&x->keys[IMPORT_CLIENTS], key, n, &line)) continue;
    if (first < i) {
      rule_write(x, r, (struct text){ shown, spell(shown, a, first, i - 1) });
      for (unsigned k = first; k < i; k++) {
        uint32_t mine = r->from.line;
        if (names_add(&x->keys[IMPORT_CLIENTS], key, spell(key, a, k, k), &mine) < 0) x->broken = ENOMEM;
      }
    }
    twice += n > 0;
    first = i + 1;
  }
  if (twice)
    import_note(x, r->from, "%u of the addresses of %.*s stand in lines before (the last in line %u), and those count",
                twice, SHOWN(r->address), (unsigned)line);
}

static void dead(struct import *x, struct rule const *r)
{
  import_note(x, r->from, "no client can have %.*s: for tcprules, too, the line does nothing", SHOWN(r->address));
}

/* tcprules' own ranges: the numbers on both sides of the first `-`, up to the dots next to them. */
static void range(struct import *x, struct rule *r, struct text low, struct text high)
{
  struct range a;
  char key[64];
  size_t left = low.n, right = 0;
  while (left && low.s[left - 1] != '.') left--;
  while (right < high.n && high.s[right] != '.') right++;
  a.before = (struct text){ low.s, left };
  a.behind = (struct text){ high.s + right, high.n - right };
  if (!octet((struct text){ low.s + left, low.n - left }, &a.first) ||
      !octet((struct text){ high.s, right }, &a.last)) {
    import_left(x, r->from, "not understood (tcprules refuses the whole file for it): %.*s", SHOWN(r->address));
    return;
  }
  if (a.before.n > 12 || a.behind.n > 12 || !is_live((struct text){ key, spell(key, &a, 1, 1) }) || a.first > a.last ||
      a.first > 255) {
    dead(x, r);
    return;
  }
  if (a.last > 255) {
    import_note(x, r->from, "%.*s ends at 255", SHOWN(r->address));
    a.last = 255;
  }
  add_range(x, r, &a);
}

void rule_keys(struct import *x, struct rule *r)
{
  char text[IP_TEXT + 4];
  struct text low, high;
  struct text const a = r->address;
  int plain = !a.n || (!memchr(a.s, '=', a.n) && !memchr(a.s, '@', a.n));
  size_t n = plain && a.n && (r->six || memchr(a.s, '/', a.n)) ? six(x, r, text) : 0;
  if (n) add(x, r, (struct text){ text, n });
  else if (r->six)
    import_left(x, r->from, "no address of tcprules (which refuses the whole file for it): %.*s", SHOWN(a));
  else if (plain && text_cut(a, '-', &low, &high)) range(x, r, low, high);
  else if (is_live(a)) add(x, r, a);
  else dead(x, r);
}
