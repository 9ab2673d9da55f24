/* The addresses around this host that hide strangers. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "policy/gate.h"
#include "rules/neighbours.h"
#include "rules/rules.h"

#define ROUTES_MAX 1048576 /* bytes of a routing table that we look at */

static void add(struct neighbours *x, struct ip const *ip, char const *what, struct word name)
{
  static uint8_t const zero[16];
  struct quoted q;
  if (x->len == NEIGHBOURS || !memcmp(ip->b, zero, 16)) return;
  x->n[x->len].ip = *ip;
  snprintf(x->n[x->len].what, sizeof x->n->what, "%s%s", what, name.n ? quote(&q, name.s, name.n) : "");
  x->len++;
}

/* Reads 2 * n hex digits. Returns 1, or 0. */
static int hex(uint8_t *out, struct word w, size_t n)
{
  if (w.n != 2 * n) return 0;
  memset(out, 0, n);
  for (size_t i = 0; i < w.n; i++) {
    char c = w.s[i];
    int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ?
      c - 'A' + 10 : -1;
    if (v < 0) return 0;
    out[i / 2] = (uint8_t)(out[i / 2] << 4 | v);
  }
  return 1;
}

/* Interface, destination, gateway, flags, ...: the kernel prints the words of memory, so the bytes of each are turned
 * round on a little-endian machine. */
static void route4(struct neighbours *x, char const *s, size_t n)
{
  struct word w[3];
  uint8_t to[4], by[4];
  uint32_t one = 1;
  struct ip ip = { .len = 4 };
  if (rules_words(s, n, w, 3) < 3 || !hex(to, w[1], 4) || !hex(by, w[2], 4)) return;
  if (to[0] | to[1] | to[2] | to[3]) return;
  for (size_t i = 0; i < 4; i++) ip.b[i] = by[*(char *)&one ? 3 - i : i];
  add(x, &ip, "the default gateway", (struct word){ 0, 0 });
}

/* Destination and its length, source and its length, gateway, ... */
static void route6(struct neighbours *x, char const *s, size_t n)
{
  struct word w[5];
  uint8_t to[16], bits[1];
  struct ip ip = { .len = 16 };
  if (rules_words(s, n, w, 5) < 5 || !hex(to, w[0], 16) || !hex(bits, w[1], 1) || !hex(ip.b, w[4], 16)) return;
  for (size_t i = 0; i < 16; i++) bits[0] |= to[i];
  if (!bits[0]) add(x, &ip, "the default gateway", (struct word){ 0, 0 });
}

void neighbours_routes(struct neighbours *x, char const *s, size_t n, int v6)
{
  for (char const *end = s + n; s < end; ) {
    char const *lf = memchr(s, '\n', (size_t)(end - s));
    size_t len = (size_t)((lf ? lf : end) - s);
    if (v6) route6(x, s, len);
    else route4(x, s, len);
    s += len + 1;
  }
}

static void add_bridges(struct neighbours *x)
{
  struct ifaddrs *list, *a;
  char path[IF_NAMESIZE + 32];
  if (getifaddrs(&list) < 0) return;
  for (a = list; a; a = a->ifa_next) {
    struct ip ip;
    uint16_t port;
    snprintf(path, sizeof path, "/sys/class/net/%.*s/bridge", IF_NAMESIZE, a->ifa_name);
    if (!a->ifa_addr || !ip_from_sockaddr(&ip, &port, a->ifa_addr) || access(path, F_OK) < 0) continue;
    add(x, &ip, "this host on the bridge ", (struct word){ a->ifa_name, strlen(a->ifa_name) });
  }
  freeifaddrs(list);
}

void neighbours_find(struct neighbours *x)
{
  static char const *const files[] = { "/proc/net/route", "/proc/net/ipv6_route" };
  x->len = 0;
  for (int v6 = 0; v6 < 2; v6++) {
    char *s;
    size_t n;
    if (io_slurp(files[v6], ROUTES_MAX, &s, &n) < 0) continue;
    neighbours_routes(x, s, n, v6);
    free(s);
  }
  add_bridges(x);
}

#define THROUGH "if strangers' connections come through it (NAT, a container's port, a proxy), they may "

static int sets(struct record const *rule, char const *name)
{
  uint32_t pos = 0;
  char const *var;
  while (gate_variable(rule, &pos, &var) > 0)
    if (!strncmp(var, name, strlen(name)) && var[strlen(name)] == '=') return 1;
  return 0;
}

/* What `clients` makes of a neighbour. */
static void check_client(struct compiler *c, struct table_set const *t, struct neighbour const *x, char const *ip)
{
  struct record r;
  if (gate_find(t, &x->ip, 0, 0, &r) != GATE_ALLOW) return;
  if (sets(&r, "RELAYCLIENT"))
    rules_warn_at(c, WARN_GATEWAY, FILE_CLIENTS, r.line, "trusts %s, %s: " THROUGH "relay", ip, x->what);
  if (sets(&r, "RELAYPROXY"))
    rules_warn_at(c, WARN_GATEWAY, FILE_CLIENTS, r.line, "believes %s, %s: " THROUGH "claim any address", ip, x->what);
}

/* And which devices it could be. */
static void check_devices(struct compiler *c, struct neighbour const *x, char const *ip)
{
  static char const start[] = "grant device ";
  size_t n = sizeof start - 1;
  char key[TABLE_KEY + 1], bits[GATE_CIDR];
  size_t len = gate_cidr_key(bits, &x->ip, 8U * x->ip.len);
  uint32_t line;
  for (size_t i = 0; (line = seen_next(&c->seen, &i, TABLE_RELAY, key)); ) {
    if (strncmp(key, start, n)) continue;
    size_t prefix = strcspn(key + n, " ");
    if (prefix <= len && !memcmp(key + n, bits, prefix))
      rules_warn_at(c, WARN_GATEWAY, FILE_RELAY, line, "takes %s, %s, for the device: " THROUGH "pass for it", ip,
                    x->what);
  }
}

int rules_check_neighbours(struct compiler *c, struct neighbours const *x, int fd)
{
  struct table_set *t = table_open_fd(fd);
  if (!t) return -1;
  for (size_t i = 0; i < x->len; i++) {
    char ip[IP_TEXT];
    ip_fmt(ip, &x->n[i].ip);
    check_client(c, t, x->n + i, ip);
    check_devices(c, x->n + i, ip);
  }
  table_close(t);
  return 0;
}
