/* Questions to the DNS, through libresolv. */
#include <sys/types.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include "base/io.h"
#include "dns/resolver.h"
#include "dns/self.h"

#define AD 0x20 /* in the fourth byte of an answer; RFC 4035 3.2.3 */

/* Decimal digits, all of s, 1 to 65535; or 0. */
static uint16_t scan_port(char const *s)
{
  unsigned long n = 0;
  if (!*s) return 0;
  for (; *s; s++) {
    if (*s < '0' || *s > '9') return 0;
    n = 10 * n + (unsigned long)(*s - '0');
    if (n > 65535) return 0;
  }
  return (uint16_t)n;
}

int resolver_server(struct ip *ip, uint16_t *port, char const *s)
{
  char const *end = s + strlen(s), *digits = 0;
  if (*s == '[') {
    char const *close = strchr(++s, ']');
    if (!close || (close[1] && close[1] != ':')) return 0;
    end = close;
    if (close[1]) digits = close + 2;
  }
  else {
    char const *colon = strchr(s, ':');
    if (colon && !strchr(colon + 1, ':')) end = colon, digits = colon + 1;
  }
  *port = digits ? scan_port(digits) : NS_DEFAULTPORT;
  return *port && ip_scan(ip, s, (size_t)(end - s));
}

/* Makes `ip` the only server. The public part of glibc's state has room for IPv4 alone; an IPv6 server stands in the
 * extension, under an entry whose family is 0. */
static int set_server(struct resolver *r, struct ip const *ip, uint16_t port)
{
  struct sockaddr_in *v4 = r->state.nsaddr_list;
  memset(v4, 0, sizeof *v4);
  if (ip->len == 4) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    memcpy(&v4->sin_addr, ip->b, 4);
  }
  else {
    struct sockaddr_in6 **v6 = r->state._u._ext.nsaddrs;
    if (!*v6) *v6 = malloc(sizeof **v6);
    if (!*v6) return -1;
    memset(*v6, 0, sizeof **v6);
    (*v6)->sin6_family = AF_INET6;
    (*v6)->sin6_port = htons(port);
    memcpy(&(*v6)->sin6_addr, ip->b, 16);
  }
  r->state.nscount = 1;
  r->state._u._ext.nscount = 0; /* sockets are opened anew */
  return 0;
}

/* Is it a loopback address? */
static int is_here(struct ip const *ip)
{
  struct self const nobody = { .n = 0 };
  return self_has(&nobody, ip);
}

/* Is every server of resolv.conf on this machine? */
static int all_here(struct __res_state const *s)
{
  for (int i = 0; i < s->nscount; i++) {
    struct sockaddr const *sa = (struct sockaddr const *)&s->nsaddr_list[i];
    struct ip ip;
    uint16_t port;
    if (!sa->sa_family) sa = (struct sockaddr const *)s->_u._ext.nsaddrs[i]; /* IPv6, see set_server */
    if (!sa || !ip_from_sockaddr(&ip, &port, sa) || !is_here(&ip)) return 0;
  }
  return s->nscount > 0;
}

int resolver_init(struct resolver *r, char const *server, int trust)
{
  struct ip ip;
  uint16_t port;
  memset(r, 0, sizeof *r);
  if (server && *server) {
    if (!resolver_server(&ip, &port, server)) return errno = EINVAL, -1;
  }
  else server = 0;
  r->answer = malloc(DNS_ANSWER);
  if (!r->answer) return -1;
  if (res_ninit(&r->state) < 0) return resolver_free(r), errno = EIO, -1;
  r->ready = 1;
  r->retrans = r->state.retrans;
  r->retry = r->state.retry;
  r->state.options |= RES_USE_EDNS0;
  if (server && set_server(r, &ip, port) < 0) return resolver_free(r), errno = ENOMEM, -1;
  r->trusted = server ? trust || is_here(&ip) : (r->state.options & RES_TRUSTAD) || all_here(&r->state);
  r->state.options &= ~RES_TRUSTAD; /* resolv.conf's: not for $DNSCACHEIP's */
  /* AD in the question suffices by RFC 6840 5.7; older servers want DO */
  if (r->trusted) r->state.options |= RES_TRUSTAD | RES_USE_DNSSEC;
  return 0;
}

void resolver_free(struct resolver *r)
{
  if (r->ready) res_nclose(&r->state);
  free(r->answer);
  memset(r, 0, sizeof *r);
}

/* Makes the tries fit into the time that is left, a second each at least. Returns 0 when there is none. */
static int fit(struct resolver *r)
{
  int64_t left = r->deadline - io_now();
  int servers = r->state.nscount > 0 ? r->state.nscount : 1;
  if (left <= 0) return 0;
  int64_t each = left / 1000 / (servers * r->retry);
  r->state.retry = each ? r->retry : 1;
  if (!each) each = 1;
  r->state.retrans = each < r->retrans ? (int)each : r->retrans;
  return 1;
}

enum dns_state resolver_ask(struct resolver *r, char const *name, int type, size_t *len)
{
  *len = 0;
  r->secure = 0;
  if (r->deadline && !fit(r)) return DNS_FAILED;
  int n = res_nquery(&r->state, name, ns_c_in, type, r->answer, DNS_ANSWER);
  if (n < 0) {
    switch (r->state.res_h_errno) {
      case HOST_NOT_FOUND: return DNS_NO_NAME;
      case NO_DATA: return DNS_NONE;
      default: return DNS_FAILED;
    }
  }
  /* an answer that is longer than the buffer is reported with its full length, but only as much of it is there */
  *len = n > DNS_ANSWER ? DNS_ANSWER : (size_t)n;
  r->secure = r->trusted && n >= NS_HFIXEDSZ && (r->answer[3] & AD);
  return DNS_FOUND;
}
