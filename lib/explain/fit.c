/* Keys held against facts, one by one. decide() goes the other way, from the facts to keys; tests compare the two. */
#include <string.h>
#include "explain/parts.h"

int piece_is(struct piece p, char const *s)
{
  return p.n == strlen(s) && !memcmp(p.s, s, p.n);
}

void target_set(struct target *x, struct address const *a)
{
  x->a = a && a->len ? a : 0;
  x->len = 0;
  x->key[0] = 0;
  if (x->a) x->len = address_key(x->key, a);
}

int fits_domain(struct piece key, struct target const *x)
{
  if (!x->a) return 0;
  for (char const *s = x->a->domain; *s; s = domain_wider(s))
    if (piece_is(key, s)) return 1;
  return 0;
}

static int is_address(struct piece key, struct target const *x)
{
  return x->a && key.n == x->len && !memcmp(key.s, x->key, key.n);
}

int fits_to(struct piece key, struct target const *x)
{
  return is_address(key, x) || fits_domain(key, x);
}

int fits_from(struct piece key, struct target const *x)
{
  if (is_address(key, x)) return 1;
  return key.n && *key.s == '@' && fits_domain((struct piece){ key.s + 1, key.n - 1 }, x);
}

unsigned fits_mailbox(struct piece key, struct target const *x)
{
  if (is_address(key, x)) return 1;
  if (!x->a || x->a->local_len == x->len) return 0;
  char const *star = memchr(key.s, '*', key.n);
  size_t before = star ? (size_t)(star - key.s) : 0, local = x->a->local_len;
  if (before >= 2 && before <= local && (star[-1] == '+' || star[-1] == '-') && key.n - before - 1 == x->len - local &&
      !memcmp(key.s, x->key, before) && !memcmp(star + 1, x->key + local, x->len - local))
    return 2 + (unsigned)(local - before);
  if (!key.n || *key.s != '@') return 0;
  unsigned rank = 2 + LIMIT_LOCAL_PART + 1;
  for (char const *s = x->a->domain; *s; s = domain_wider(s), rank++)
    if (piece_is((struct piece){ key.s + 1, key.n - 1 }, s)) return rank;
  return 0;
}

int fits_ip(struct piece bits, struct ip const *ip)
{
  char key[GATE_CIDR];
  if (!ip->len) return 0;
  size_t n = gate_cidr_key(key, ip, 8U * ip->len);
  return bits.n <= n && !memcmp(key, bits.s, bits.n);
}

enum says statement(struct piece key, struct piece *arg)
{
  static char const *const words[] = {
#define X(name, words) words,
    STATEMENTS(X)
#undef X
  };
  for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
    size_t n = strlen(words[i]);
    int with = words[i][n - 1] == ' ';
    if (key.n < n + (with != 0) || memcmp(key.s, words[i], n) || (!with && key.n > n)) continue;
    *arg = (struct piece){ key.s + n, key.n - n };
    return (enum says)i;
  }
  return SAYS_NOTHING;
}

int device_parts(struct piece arg, struct piece parts[3])
{
  for (int i = 0; i < 3; i++) {
    char const *space = memchr(arg.s, ' ', arg.n);
    if (!arg.n || (i < 2) != (space != 0)) return 0;
    parts[i] = (struct piece){ arg.s, space ? (size_t)(space - arg.s) : arg.n };
    arg.s += parts[i].n + (space != 0);
    arg.n -= parts[i].n + (space != 0);
  }
  return 1;
}
