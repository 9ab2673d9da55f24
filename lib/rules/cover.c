/* Lines of `clients` that no client ever gets to: a prefix with a length whose addresses all have a prefix with dots,
 * which is asked first (`10.:deny` wins over `10.1.0.0/16:allow`), and a prefix that more specific lines cover wholly.
 *
 * Prefixes are nested or apart, so in the order of their first addresses, the shorter first, a stack holds those around
 * the one at hand. Each adds up how much of it is taken by what is asked earlier. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rules/rules.h"

#define DEPTH 200 /* of the stack: a prefix of each length, those with dots twice */

/* A number of addresses, modulo 2^128; IPv4 prefixes count as those of IPv6 with as many bits. */
struct amount {
  uint64_t high, low;
};

struct node {
  struct ip ip;
  unsigned bits;
  unsigned dots : 1;      /* with dots, or an address: asked before all prefixes with a length */
  uint32_t line;
  uint32_t within;        /* the line of one within; 0: there is none */
  struct amount all;      /* of the prefixes within */
  struct amount dotted;   /* of those within with dots */
};

static struct amount size(unsigned bits)
{
  struct amount a = { 0, 0 };
  if (bits > 64) a.low = UINT64_C(1) << (128 - bits);
  else if (bits) a.high = UINT64_C(1) << (64 - bits);
  return a; /* of no bits: 2^128, which is 0 */
}

static void add(struct amount *to, struct amount a)
{
  to->low += a.low;
  to->high += a.high + (to->low < a.low);
}

static int same(struct amount a, struct amount b)
{
  return a.high == b.high && a.low == b.low;
}

/* 192.0.2.0/24, 192.0.2. or 192.0.2.1. */
static void name(char out[IP_TEXT + 8], struct node const *x)
{
  struct ip ip = x->ip;
  size_t n = ip_fmt(out, &ip);
  if (!x->dots) {
    snprintf(out + n, 8, "/%u", x->bits);
  } else if (x->bits < 32 && x->ip.len == 4) {
    char *s = out;
    for (unsigned i = 0; i < x->bits / 8; i++) s = strchr(s, '.') + 1;
    *s = 0;
  }
}

/* Reads a key. Returns 1, or 0 when it is about no address alone. */
static int scan(struct node *x, char const *key)
{
  memset(x, 0, sizeof *x);
  x->dots = *key != '_' && *key != '^';
  return gate_prefix_scan(&x->ip, &x->bits, key, strlen(key));
}

static int by_place(void const *a, void const *b)
{
  struct node const *x = a, *y = b;
  if (x->ip.len != y->ip.len) return x->ip.len < y->ip.len ? -1 : 1;
  int r = memcmp(x->ip.b, y->ip.b, sizeof x->ip.b);
  if (r) return r;
  if (x->bits != y->bits) return x->bits < y->bits ? -1 : 1;
  return (int)y->dots - (int)x->dots;
}

static int holds(struct node const *x, struct node const *y)
{
  struct ip ip = y->ip;
  if (x->ip.len != ip.len || x->bits > y->bits) return 0;
  ip_mask(&ip, x->bits);
  return !memcmp(ip.b, x->ip.b, sizeof ip.b);
}

/* The nearest prefix with dots around the top of the stack, which has a length. */
static struct node const *before(struct node *const *stack, size_t depth)
{
  for (size_t i = depth - 1; i--; )
    if (stack[i]->dots) return stack[i];
  return 0;
}

/* All that is within the top of the stack has been seen. */
static void leave(struct compiler *c, struct node *const *stack, size_t depth)
{
  struct node *x = stack[depth - 1], *around = depth > 1 ? stack[depth - 2] : 0;
  struct node const *first = x->dots ? 0 : before(stack, depth);
  char shown[IP_TEXT + 8], other[IP_TEXT + 8];
  name(shown, x);
  if (first) {
    name(other, first);
    rules_warn_at(c, WARN_UNUSED, FILE_CLIENTS, x->line, "`%s` is never used: `%s` in line %u is asked first", shown,
                  other, (unsigned)first->line);
  } else if (x->within && same(x->dots ? x->dotted : x->all, size(x->bits))) {
    rules_warn_at(c, WARN_UNUSED, FILE_CLIENTS, x->line, "`%s` is never used: longer prefixes (line %u is one) hold "
                  "all of its addresses", shown, (unsigned)x->within);
  }
  if (!around) return;
  if (!around->within) around->within = x->line;
  add(&around->all, size(x->bits));
  add(&around->dotted, x->dots ? size(x->bits) : x->dotted);
}

static void sweep(struct compiler *c, struct node *nodes, size_t n)
{
  struct node *stack[DEPTH];
  size_t depth = 0;
  qsort(nodes, n, sizeof *nodes, by_place);
  for (size_t i = 0; i < n; i++) {
    for (; depth && !holds(stack[depth - 1], nodes + i); depth--) leave(c, stack, depth);
    stack[depth++] = nodes + i;
  }
  for (; depth; depth--) leave(c, stack, depth);
}

void rules_check_clients(struct compiler *c)
{
  genalloc nodes = GENALLOC_ZERO;
  struct node x;
  char key[TABLE_KEY + 1];
  uint32_t line;
  for (size_t i = 0; (line = seen_next(&c->seen, &i, TABLE_CLIENTS, key)) && !c->broken; ) {
    if (!scan(&x, key)) continue;
    x.line = line;
    if (!genalloc_append(struct node, &nodes, &x)) c->broken = ENOMEM;
  }
  size_t n = genalloc_len(struct node, &nodes);
  if (n && !c->broken) sweep(c, genalloc_s(struct node, &nodes), n);
  genalloc_free(struct node, &nodes);
}
