/* Lines that trust many, or whom they can't know: RELAYCLIENT, RELAYPROXY, devices; and hosts to which everybody may
 * send. What other lines deny is not subtracted: how many are really let in, and that there be no strangers among them,
 * is relay-prove's to count. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
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

static char const *const may[] = { "may relay", "may say whom it speaks for", "may pass for the device",
  "may be sent to by everybody" };

/* A part of the line being read. Its part of the public internet is added to those of its kind, unless the line says by
 * itself that it is large. Returns whether it is. */
static int add(struct compiler *c, enum trust kind, struct ip const *ip, unsigned bits)
{
  struct sum *sum = c->sums + kind;
  struct crowd alone = CROWD_ZERO;
  struct census n;
  int r = crowd_add_prefix(&alone, ip, bits);
  crowd_count(&alone, &n);
  crowd_free(&alone);
  if (r == 0 && census_is_large(&n)) return 1;
  if (r < 0 || crowd_add_prefix(&sum->crowd, ip, bits) < 0) return c->broken = ENOMEM, 0;
  if (sum->now != c->line) sum->now = c->line, sum->of_now = (struct census){ 0 };
  sum->of_now.v4 += n.v4;
  wide_add(&sum->of_now.v6, n.v6);
  int more = sum->of_now.v4 > sum->most.v4 || wide_cmp(sum->of_now.v6, sum->most.v6) > 0;
  if (!sum->line || more) sum->line = c->line, sum->most = sum->of_now;
  return 0;
}

/* Returns whether it was one to warn of. A prefix so short that it holds more than those is large, and no more. */
static int warn_translated(struct compiler *c, enum trust kind, struct ip const *ip, unsigned bits)
{
  struct ip last = *ip;
  range_last(&last, bits);
  char const *how = bits < LARGE6_BITS ? 0 : crowd_translated(ip, &last);
  if (how)
    rules_warn(c, WARN_TRANSLATED, "addresses of %s stand for IPv4 addresses, and whoever has one of those %s", how,
               kind == TRUST_HOST ? "gets the mail" : kind == TRUST_DEVICE ? "passes for the device" : "is trusted");
  return how != 0;
}

void trust_prefix(struct compiler *c, enum trust kind, struct ip const *ip, unsigned bits)
{
  int translated = warn_translated(c, kind, ip, bits);
  if (add(c, kind, ip, bits) && !translated)
    rules_warn(c, WARN_LARGE_PREFIX, "a prefix of %u bits is a large part of the internet, and it %s", bits, may[kind]);
}

/* A line of `clients`: its prefix, or each one that its range stands for. */
static void add_client(struct compiler *c, struct client const *k, enum trust kind)
{
  char key[CLIENT_KEY], text[CLIENT_KEY + 8];
  struct ip ip;
  if (k->cidr) {
    warn_translated(c, kind, &k->ip, k->bits);
    add(c, kind, &k->ip, k->bits);
    return;
  }
  for (unsigned i = k->first; i <= k->last && !c->broken; i++) {
    size_t n = client_key(k, i, key), dots = 0;
    for (size_t at = 0; k->dots && at < n; at++) dots += key[at] == '.';
    unsigned bits = k->dots && dots && key[n - 1] == '.' ? 8 * (unsigned)dots : 0;
    memcpy(text, key, n);
    if (bits) memcpy(text + n, "0.0.0.0", 8), n += 2 * (4 - bits / 8) - 1;
    if (!ip_scan(&ip, text, n)) return; /* a name, a user */
    if (!bits) bits = 8U * ip.len, warn_translated(c, kind, &ip, bits);
    add(c, kind, &ip, bits);
  }
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
  int large = k->cidr && k->bits < (k->ip.len == 4 ? LARGE4_BITS : LARGE6_BITS);
  if (large)
    rules_warn(c, WARN_LARGE_PREFIX, "a prefix of %u bits is a large part of the internet, and it may %s", k->bits,
               proxy ? "say whom it speaks for" : "relay");
  if (k->dots && dotted(k) > LARGE4)
    rules_warn(c, WARN_LARGE_PREFIX, "%" PRIu64 " addresses are a large part of the internet, and they may %s",
               dotted(k), proxy ? "say whom they speak for" : "relay");
  else if (!large) add_client(c, k, proxy ? TRUST_PROXY : TRUST_CLIENT);
}

void trust_end(struct compiler *c)
{
  static char const *const kinds[] = { "trust clients", "trust proxies", "are for devices", "are for hosts" };
  for (size_t i = 0; i < TRUST_COUNT; i++) {
    struct census n;
    struct sum *x = c->sums + i;
    crowd_count(&x->crowd, &n);
    if (!census_is_large(&n) || (i == TRUST_CLIENT && !rules_relay_line(c, "grant clients"))) continue;
    rules_warn_at(c, WARN_LARGE_SUM, i < TRUST_DEVICE ? FILE_CLIENTS : FILE_RELAY, x->line,
                  "this and other lines that %s are together a large part of the internet, and it %s", kinds[i],
                  may[i]);
  }
}

void trust_free(struct compiler *c)
{
  for (size_t i = 0; i < TRUST_COUNT; i++) crowd_free(&c->sums[i].crowd);
}
