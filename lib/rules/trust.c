/* Whom `clients` trusts, with RELAYCLIENT or RELAYPROXY: everybody or half of the internet is an open relay, however
 * the lines spell it, so the addresses of all lines are added up. Left out of the sum: lines that deny, and more
 * specific ones that trust nobody; they take from what others say, and a file that needs them to be safe isn't. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "rules/rules.h"

#define LARGE4 ((uint64_t)1 << 24)   /* IPv4 addresses of a line: more deserve a word */
#define HALF4 ((uint64_t)1 << 31)
#define FIRST6 (UINT64_C(0x2000) << 48)                    /* 2000::/3, all global addresses (RFC 4291 2.4), */
#define LAST6 (FIRST6 | (~UINT64_C(0) >> 3))               /* in units of /64: smaller prefixes add nothing */
#define HALF6 ((uint64_t)1 << 60)

/* Addresses of one line, one behind the other. */
struct span {
  uint64_t first, last;
  uint32_t line;
};

static void add(struct compiler *c, genalloc *spans, uint64_t first, uint64_t last)
{
  size_t n = genalloc_len(struct span, spans);
  struct span *before = n ? genalloc_s(struct span, spans) + n - 1 : 0;
  struct span s = { first, last, c->line };
  if (before && before->line == c->line && before->last + 1 == first) before->last = last;
  else if (!genalloc_append(struct span, spans, &s)) c->broken = ENOMEM;
}

static void add_cidr(struct compiler *c, struct trust *t, struct client const *k)
{
  uint64_t first = 0, last;
  for (size_t i = 0; i < (k->ip.len == 4 ? 4 : 8); i++) first = first << 8 | k->ip.b[i];
  if (k->ip.len == 4) {
    add(c, &t->v4, first, first | (((uint64_t)1 << (32 - k->bits)) - 1));
    return;
  }
  if (k->bits > 64) return;
  last = k->bits == 64 ? first : first | ~UINT64_C(0) >> k->bits;
  if (first < FIRST6) first = FIRST6;
  if (last > LAST6) last = LAST6;
  if (first <= last) add(c, &t->v6, first, last);
}

/* The addresses of a key with dots, `10.1.` or `192.0.2.1`. */
static struct span dots(char const *s, size_t n)
{
  uint64_t first = 0, number = 0;
  unsigned parts = 0;
  for (size_t i = 0; i <= n; i++) {
    if (i < n && s[i] != '.') {
      number = 10 * number + (uint64_t)(s[i] - '0');
    } else if (i < n || s[n - 1] != '.') {
      first = first << 8 | number;
      number = 0;
      parts++;
    }
  }
  unsigned rest = 8 * (4 - parts);
  return (struct span){ first << rest, (first << rest) + ((uint64_t)1 << rest) - 1, 0 };
}

/* Returns how many addresses they are. */
static uint64_t add_dots(struct compiler *c, struct trust *t, struct client const *k)
{
  char key[CLIENT_KEY];
  uint64_t sum = 0;
  for (unsigned i = k->first; i <= k->last && !c->broken; i++) {
    struct span s = dots(key, client_key(k, i, key));
    add(c, &t->v4, s.first, s.last);
    sum += s.last - s.first + 1;
  }
  return sum;
}

void trust_line(struct compiler *c, struct trust *t, struct client const *k)
{
  int proxy = t == &c->proxy;
  if (k->everybody) {
    if (!t->everybody) t->everybody = c->line;
    if (proxy) rules_error(c, "RELAYPROXY for everybody: any stranger could say that he speaks for a trusted client");
    return;
  }
  if (k->named)
    rules_warn(c, WARN_BY_NAME, "who owns an address chooses its name: unless the super-server checks names (tcpserver "
               "-p), strangers may %s", proxy ? "say whom they speak for" : "relay");
  if (k->cidr) {
    if (k->bits < (k->ip.len == 4 ? 8 : 16))
      rules_warn(c, WARN_LARGE_PREFIX, "a prefix of %u bits is a large part of the internet, and it may %s", k->bits,
                 proxy ? "say whom it speaks for" : "relay");
    add_cidr(c, t, k);
  } else if (k->dots) {
    uint64_t n = add_dots(c, t, k);
    if (n > LARGE4)
      rules_warn(c, WARN_LARGE_PREFIX, "%" PRIu64 " addresses are a large part of the internet, and they may %s", n,
                 proxy ? "say whom they speak for" : "relay");
  }
}

static int by_first(void const *x, void const *y)
{
  struct span const *a = x, *b = y;
  return a->first < b->first ? -1 : a->first > b->first;
}

/* How much all spans cover together; *line: where the largest of them comes from. Sorts them. */
static uint64_t covered(genalloc *spans, uint32_t *line)
{
  size_t n = genalloc_len(struct span, spans);
  struct span *s = genalloc_s(struct span, spans);
  uint64_t sum = 0, next = 0, largest = 0; /* next: all below it is counted */
  if (n) qsort(s, n, sizeof *s, by_first);
  for (size_t i = 0; i < n; i++) {
    uint64_t size = s[i].last - s[i].first + 1, from = s[i].first > next ? s[i].first : next;
    if (size > largest || (size == largest && s[i].line < *line)) {
      largest = size;
      *line = s[i].line;
    }
    if (s[i].last < from) continue;
    sum += s[i].last + 1 - from;
    next = s[i].last + 1;
  }
  return sum;
}

static void refuse(struct compiler *c, struct trust const *t, uint32_t line, char const *how, char const *whom,
                   uint32_t grant)
{
  int proxy = t == &c->proxy;
  rules_error_at(c, FILE_CLIENTS, line, "an open relay: %s %s for %s, and `grant clients` (relay:%u) lets %s relay",
                 how,
                 proxy ? "RELAYPROXY" : "RELAYCLIENT", whom, (unsigned)grant, proxy ? "whom they name" : "them");
}

static void check(struct compiler *c, struct trust *t, uint32_t grant)
{
  uint32_t line = 0;
  if (t->everybody) {
    if (t != &c->proxy) refuse(c, t, t->everybody, "this line sets", "everybody", grant);
    return;
  }
  if (covered(&t->v4, &line) >= HALF4)
    refuse(c, t, line, "this and other lines set", "half of all IPv4 addresses or more", grant);
  if (covered(&t->v6, &line) >= HALF6)
    refuse(c, t, line, "this and other lines set", "half of all IPv6 addresses (2000::/3) or more", grant);
}

void trust_check(struct compiler *c)
{
  uint32_t grant = rules_relay_line(c, "grant clients");
  if (!grant) return;
  check(c, &c->relay, grant);
  check(c, &c->proxy, grant);
}

void trust_free(struct trust *t)
{
  genalloc_free(struct span, &t->v4);
  genalloc_free(struct span, &t->v6);
}
