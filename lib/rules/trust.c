/* Lines of `clients` that trust many, or whom they can't know, with RELAYCLIENT or RELAYPROXY. How many all lines trust
 * together is relay-prove's to count. */
#include <inttypes.h>
#include "rules/rules.h"

#define LARGE4 ((uint64_t)1 << 24) /* IPv4 addresses of a line: more deserve a word */
#define LARGE4_BITS 8
#define LARGE6_BITS 16

/* How many addresses a range with dots has: each number stands for as many as those behind it leave open. */
static uint64_t dotted(struct client const *k)
{
  unsigned parts = k->range;
  for (size_t i = 0, start = 0; i <= k->len; i++) {
    if (i < k->len && k->key[i] != '.') continue;
    parts += i > start;
    start = i + 1;
  }
  return (uint64_t)(k->last - k->first + 1) << 8 * (4 - parts);
}

void trust_line(struct compiler *c, struct client const *k, int proxy)
{
  if (k->everybody) {
    if (proxy) rules_error(c, "RELAYPROXY for everybody: any stranger could say that he speaks for a trusted client");
    return;
  }
  if (k->named)
    rules_warn(c, WARN_BY_NAME, "who owns an address chooses its name: unless the super-server checks names (tcpserver "
               "-p), strangers may %s", proxy ? "say whom they speak for" : "relay");
  if (k->cidr && k->bits < (k->ip.len == 4 ? LARGE4_BITS : LARGE6_BITS))
    rules_warn(c, WARN_LARGE_PREFIX, "a prefix of %u bits is a large part of the internet, and it may %s", k->bits,
               proxy ? "say whom it speaks for" : "relay");
  if (k->dots && dotted(k) > LARGE4)
    rules_warn(c, WARN_LARGE_PREFIX, "%" PRIu64 " addresses are a large part of the internet, and they may %s",
               dotted(k), proxy ? "say whom they speak for" : "relay");
}
