/* Which addresses are this machine, and which are nobody's. */
#include <sys/types.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include "dns/self.h"

static unsigned char const mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* The IPv4 form of a mapped address, else ip itself. ip_scan makes none, but a struct ip may come from elsewhere. */
static struct ip plain(struct ip const *ip)
{
  struct ip v4 = { .len = 4 };
  if (ip->len != 16 || memcmp(ip->b, mapped, sizeof mapped)) return *ip;
  memcpy(v4.b, ip->b + 12, 4);
  return v4;
}

int self_load(struct self *s)
{
  struct ifaddrs *all;
  unsigned room = 0;
  memset(s, 0, sizeof *s);
  if (getifaddrs(&all) < 0) return -1;
  for (struct ifaddrs *i = all; i; i = i->ifa_next) room++;
  s->ip = calloc(room ? room : 1, sizeof *s->ip);
  if (!s->ip) return freeifaddrs(all), errno = ENOMEM, -1;
  for (struct ifaddrs *i = all; i; i = i->ifa_next) {
    uint16_t port;
    if (!i->ifa_addr || !ip_from_sockaddr(&s->ip[s->n], &port, i->ifa_addr)) continue;
    if (s->ip[s->n].len == 16) s->v6 = 1;
    s->n++;
  }
  freeifaddrs(all);
  return 0;
}

void self_free(struct self *s)
{
  free(s->ip);
  memset(s, 0, sizeof *s);
}

int self_has(struct self const *s, struct ip const *ip)
{
  static unsigned char const loopback6[16] = { [15] = 1 };
  struct ip a = plain(ip);
  if (a.len == 4 && a.b[0] == 127) return 1;
  if (a.len == 16 && !memcmp(a.b, loopback6, 16)) return 1;
  for (unsigned i = 0; i < s->n; i++) {
    if (s->ip[i].len == a.len && !memcmp(s->ip[i].b, a.b, a.len)) return 1;
  }
  return 0;
}

int self_never(struct ip const *ip)
{
  static unsigned char const any6[16];
  struct ip a = plain(ip);
  if (a.len == 4) return a.b[0] == 0 || a.b[0] >= 224;
  if (a.len == 16) return a.b[0] == 0xff || !memcmp(a.b, any6, 16);
  return 1;
}
