/* Who is at the other end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <skalibs/env.h>
#include "base/io.h"
#include "gate/peer.h"
#include "parse/number.h"

typedef union {
  struct sockaddr sa;
  struct sockaddr_storage storage;
} address;

/* An address of the environment. A zone id (fe80::1%eth0) is no part of it. Returns 1, or 0. */
static int scan_ip(struct ip *ip, char const *s)
{
  if (!s || !ip_scan(ip, s, strcspn(s, "%"))) return ip->len = 0, 0;
  return 1;
}

static uint16_t scan_port(char const *s)
{
  uint64_t port;
  return s && number_scan(s, strlen(s), 65535, &port) == NUMBER_OK ? (uint16_t)port : 0;
}

/* TCPREMOTEIP and the like; ucspi-tcp6 and its kin may say TCP6REMOTEIP instead. */
static char const *ucspi(char const *what)
{
  char name[20];
  strcpy(strcpy(name, "TCP") + 3, what);
  char const *value = getenv(name);
  if (value) return value;
  strcpy(strcpy(name, "TCP6") + 4, what);
  return getenv(name);
}

/* What the environment says; null variables and malformed ports count as unknown. */
static int from_ucspi(struct peer *p)
{
  char const *proto = getenv("PROTO");
  char const *ip = ucspi("REMOTEIP");
  if (!ip || (proto && strncmp(proto, "TCP", 3) && strncmp(proto, "SSL", 3))) return 0;
  if (!scan_ip(&p->remote, ip)) return errno = EPROTO, -1;
  p->remote_port = scan_port(ucspi("REMOTEPORT"));
  p->host = ucspi("REMOTEHOST");
  p->info = ucspi("REMOTEINFO");
  if (scan_ip(&p->local, ucspi("LOCALIP"))) p->local_port = scan_port(ucspi("LOCALPORT"));
  p->local_host = ucspi("LOCALHOST");
  return 1;
}

/* systemd sets REMOTE_ADDR and REMOTE_PORT, xinetd REMOTE_HOST. */
static void from_others(struct peer *p)
{
  if (scan_ip(&p->remote, getenv("REMOTE_ADDR"))) p->remote_port = scan_port(getenv("REMOTE_PORT"));
  else scan_ip(&p->remote, getenv("REMOTE_HOST"));
}

/* The names stay only if the environment speaks of the same connection: a stale one must not lend its name. */
static void keep_names(struct peer *p)
{
  struct peer e = { .host = 0 };
  if (from_ucspi(&e) <= 0) return;
  if (!memcmp(&e.remote, &p->remote, sizeof e.remote) && (!e.remote_port || e.remote_port == p->remote_port)) {
    p->host = e.host;
    p->info = e.info;
  }
  if (!memcmp(&e.local, &p->local, sizeof e.local)) p->local_host = e.local_host;
}

int peer_learn(struct peer *p, int fd)
{
  address a;
  socklen_t len = sizeof a;
  memset(p, 0, sizeof *p);
  if (getsockname(fd, &a.sa, &len) < 0 || !ip_from_sockaddr(&p->local, &p->local_port, &a.sa)) {
    memset(p, 0, sizeof *p);
    int r = from_ucspi(p);
    if (!r) from_others(p);
    return r < 0 ? -1 : 0;
  }
  len = sizeof a;
  if (getpeername(fd, &a.sa, &len) < 0) return -1;
  if (!ip_from_sockaddr(&p->remote, &p->remote_port, &a.sa)) return errno = ENOTCONN, -1;
  keep_names(p);
  return 0;
}

int peer_read_proxy(int fd, struct proxy *x, int64_t deadline)
{
  char buf[PROXY_MAX];
  size_t n = 0;
  for (;;) {
    enum proxy_status status = proxy_scan(x, buf, n);
    if (status == PROXY_DONE) return 0;
    if (status == PROXY_BAD || x->want > sizeof buf - n) return errno = EPROTO, -1;
    ssize_t r = io_read(fd, buf + n, x->want, deadline);
    if (r < 0) return -1;
    if (!r) return errno = EPIPE, -1;
    n += (size_t)r;
  }
}

void peer_set_proxy(struct peer *p, struct proxy const *x)
{
  if (!x->known) return;
  *p = (struct peer){ .remote = x->src, .local = x->dst, .remote_port = x->src_port, .local_port = x->dst_port };
}

static int set(stralloc *modifs, char const *name, char const *value)
{
  return value ? env_addmodif(modifs, name, value) : !getenv(name) || env_addmodif(modifs, name, 0);
}

static int set_address(stralloc *modifs, char const *ip_name, char const *port_name, struct ip const *ip, uint16_t port)
{
  char text[IP_TEXT], digits[NUMBER_TEXT];
  if (ip->len) ip_fmt(text, ip);
  if (port) number_fmt(digits, port);
  return set(modifs, ip_name, ip->len ? text : 0) && set(modifs, port_name, port ? digits : 0);
}

int peer_env(stralloc *modifs, struct peer const *p)
{
  static char const *const other[] = {
    "TCP6REMOTEIP", "TCP6REMOTEPORT", "TCP6REMOTEHOST", "TCP6REMOTEINFO", "TCP6LOCALIP", "TCP6LOCALPORT",
    "TCP6LOCALHOST", "TCP6INTERFACE"
  };
  for (size_t i = 0; i < sizeof other / sizeof *other; i++)
    if (!set(modifs, other[i], 0)) return 0;
  return (!p->remote.len || set(modifs, "PROTO", "TCP")) &&
         set_address(modifs, "TCPREMOTEIP", "TCPREMOTEPORT", &p->remote, p->remote_port) &&
         set_address(modifs, "TCPLOCALIP", "TCPLOCALPORT", &p->local, p->local_port) &&
         set(modifs, "TCPREMOTEHOST", p->host) && set(modifs, "TCPREMOTEINFO", p->info) &&
         set(modifs, "TCPLOCALHOST", p->local_host);
}
