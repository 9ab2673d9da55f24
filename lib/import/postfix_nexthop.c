/* Where Postfix sends mail: transport:nexthop (transport(5)), relayhost. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "import/postfix.h"
#include "parse/ip.h"
#include "policy/route.h"

#define LMTP_PORT 24               /* Postfix's default, lmtp_tcp_port */
#define QUEUE "/var/spool/postfix" /* the same for queue_directory */

/* A port by number or name; 0: neither. */
static unsigned port_number(struct text t)
{
  static struct { char const *name; unsigned port; } const names[] = {
    { "smtp", 25 }, { "submission", 587 }, { "msa", 587 },
  };
  uint64_t value;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (text_is_word(t, names[i].name)) return names[i].port;
  return import_number(t, &value) && value <= 65535 ? (unsigned)value : 0;
}

/* Splits HOST, HOST:PORT, [HOST], [HOST]:PORT. Returns 1, or 0. */
static int parts(struct text t, struct text *host, struct text *port, int *brackets)
{
  *port = (struct text){ 0, 0 };
  *brackets = t.n && *t.s == '[';
  if (!*brackets) {
    *host = t;
    text_cut(t, ':', host, port);
    return host->n > 0 && (!port->s || port->n);
  }
  char const *end = memchr(t.s, ']', t.n);
  if (!end) return 0;
  *host = (struct text){ t.s + 1, (size_t)(end - t.s) - 1 };
  struct text rest = { end + 1, t.n - host->n - 2 };
  if (rest.n && (*rest.s != ':' || rest.n == 1)) return 0;
  if (rest.n) *port = (struct text){ rest.s + 1, rest.n - 1 };
  return host->n > 0;
}

/* Writes the host as a route has it. Returns its length; 0: none. *name: it is no address. */
static size_t put_host(char out[POSTFIX_ROUTE], struct text host, int *name)
{
  struct ip ip;
  char text[IP_TEXT];
  if (host.n > 5 && !strncasecmp(host.s, "ipv6:", 5)) host = (struct text){ host.s + 5, host.n - 5 };
  *name = !ip_scan(&ip, host.s, host.n);
  if (*name) return domain_canon(out, host.s, host.n);
  ip_fmt(text, &ip);
  return (size_t)snprintf(out, POSTFIX_ROUTE, ip.len == 16 ? "[%s]" : "%s", text);
}

size_t postfix_relay(char out[POSTFIX_ROUTE], struct text t)
{
  struct text host, port;
  int brackets, name;
  unsigned number = 25;
  if (!parts(t, &host, &port, &brackets) || (port.s && !(number = port_number(port)))) return 0;
  size_t len = put_host(out, host, &name);
  if (len && (port.s || brackets)) len += (size_t)snprintf(out + len, POSTFIX_ROUTE - len, ":%u", number);
  return len;
}

/* LMTP's nexthop (lmtp(8)): unix:PATH, inet:HOST:PORT or HOST:PORT. Returns 1, or 0: it can't be carried over. */
static int lmtp(struct postfix *p, char route[POSTFIX_ROUTE], struct text t)
{
  struct text host, port;
  int brackets, name;
  unsigned number = LMTP_PORT;
  if (t.n > 5 && !strncmp(t.s, "unix:", 5)) {
    stralloc queue = STRALLOC_ZERO;
    struct text path = { t.s + 5, t.n - 5 };
    for (size_t i = 0; i < path.n; i++) if ((unsigned char)path.s[i] <= ' ' || path.s[i] == 0x7f) return 0;
    if (*path.s == '/' || !postfix_set(p, "queue_directory") || !postfix_get(p, "queue_directory", &queue))
      stralloc_copyb(&queue, QUEUE, sizeof QUEUE - 1);
    int n = snprintf(route, POSTFIX_ROUTE, "%.*s%s%.*s", *path.s == '/' ? 0 : (int)queue.len, queue.s ? queue.s : "",
                     *path.s == '/' ? "" : "/", (int)path.n, path.s);
    stralloc_free(&queue);
    return *route == '/' && n <= ROUTE_SOCKET;
  }
  if (t.n > 5 && !strncmp(t.s, "inet:", 5)) t = (struct text){ t.s + 5, t.n - 5 };
  if (!parts(t, &host, &port, &brackets) || (port.s && !(number = port_number(port))) || number == 25) return 0;
  size_t len = put_host(route, host, &name);
  if (len) snprintf(route + len, POSTFIX_ROUTE - len, ":%u lmtp", number);
  return len > 0;
}

enum delivery postfix_nexthop(struct postfix *p, char route[POSTFIX_ROUTE], struct text t, struct place from)
{
  struct text host, port, first, rest = t;
  int brackets, name;
  *route = 0;
  if (!text_word(&rest, &first)) return DELIVERY_ROUTE;
  if (text_trim(rest).n) import_left(p->x, from, "all next hops of %.*s but the first: a route has one", SHOWN(t));
  size_t len = 0;
  unsigned number = 0;
  if (parts(first, &host, &port, &brackets)) len = put_host(route, host, &name);
  if (len && port.s) number = port_number(port);
  if (!len || (port.s && !number)) {
    import_left(p->x, from, "no next hop that can be carried over: %.*s", SHOWN(first));
    return DELIVERY_OTHER;
  }
  if (number) snprintf(route + len, POSTFIX_ROUTE - len, ":%u", number);
  if (name && !brackets)
    import_left(p->x, from,
                "the MX records of %.*s, which Postfix asks for; the route leads to the host of that name itself",
                SHOWN(host));
  return DELIVERY_ROUTE;
}

enum delivery postfix_delivery(struct postfix *p, char route[POSTFIX_ROUTE], struct text t, struct place from)
{
  struct text transport, hop = { 0, 0 };
  t = text_trim(t);
  *route = 0;
  transport = t;
  text_cut(t, ':', &transport, &hop);
  hop = text_trim(hop);
  if (text_is_word(transport, "error")) return DELIVERY_ERROR;
  if (text_is_word(transport, "discard")) {
    import_left(p->x, from, "%.*s: such mail is refused here, not taken and thrown away", SHOWN(t));
    return DELIVERY_ERROR;
  }
  if (text_is_word(transport, "lmtp")) {
    if (hop.n && lmtp(p, route, hop)) return DELIVERY_ROUTE;
    *route = 0;
    import_left(p->x, from, "no next hop for LMTP that can be carried over: %.*s", SHOWN(t));
    return DELIVERY_OTHER;
  }
  if (transport.n && !text_is_word(transport, "smtp") && !text_is_word(transport, "relay")) {
    import_left(p->x, from, "delivery by %.*s: only SMTP and LMTP go on from here", SHOWN(t));
    return DELIVERY_OTHER;
  }
  if (!transport.n && !hop.n) return DELIVERY_USUAL;
  return postfix_nexthop(p, route, hop, from);
}
