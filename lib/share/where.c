/* Where the server is. */
#include <string.h>
#include "parse/number.h"
#include "share/where.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static int port_scan(uint16_t *port, char const *s)
{
  uint64_t n;
  if (number_scan(s, strlen(s), 65535, &n) != NUMBER_OK || !n) return 0;
  *port = (uint16_t)n;
  return 1;
}

static char const *host(struct where *w, char const *s, size_t n)
{
  if (!n || n >= sizeof w->name) return "a host has 1 to 253 bytes";
  memcpy(w->name, s, n);
  w->name[n] = 0;
  if (ip_scan(&w->ip, s, n)) return 0;
  return strspn(w->name, LETTERS ".-_") == n && *s != '-' ? 0 : "neither an address nor a host's name";
}

char const *where_scan(struct where *w, char const *arg)
{
  *w = (struct where){ .arg = arg, .port = WHERE_PORT };
  if (*arg == '/') {
    w->path = arg;
    return strlen(arg) < sizeof ((struct sockaddr_un *)0)->sun_path ? 0 : "a socket's path has 107 bytes at most";
  }
  if (*arg == '[') {
    char const *end = strchr(arg, ']');
    if (!end) return "a bracket is open";
    if (end[1] && (end[1] != ':' || !port_scan(&w->port, end + 2))) return "no port behind the bracket";
    char const *wrong = host(w, arg + 1, (size_t)(end - arg) - 1);
    return wrong ? wrong : w->ip.len ? 0 : "what is in brackets is no address";
  }
  char const *colon = strchr(arg, ':');
  if (!colon || strchr(colon + 1, ':')) return host(w, arg, strlen(arg));
  return port_scan(&w->port, colon + 1) ? host(w, arg, (size_t)(colon - arg)) : "no port behind the colon";
}

int where_is_prefix(char const *s)
{
  size_t n = strlen(s);
  return n && n <= WHERE_PREFIX && strspn(s, LETTERS "._:-") == n;
}
