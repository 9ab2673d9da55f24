/* Where the server is, as the command line says it. Pure. */
#ifndef SHARE_WHERE_H
#define SHARE_WHERE_H

#include <stdint.h>
#include <sys/un.h>
#include "parse/ip.h"

#define WHERE_PORT 6379 /* Redis' and Valkey's */
#define WHERE_NAME 254  /* bytes of a host's name with the NUL */

struct where {
  char const *arg;      /* as it was given, for the log */
  char const *path;     /* of a Unix socket; null: TCP */
  char name[WHERE_NAME]; /* the host's name, or its address' text */
  struct ip ip;         /* its address; len 0: the name must be looked up */
  uint16_t port;
};

/* Reads `/SOCKET`, `HOST`, `HOST:PORT`, `[IPV6]:PORT` or `IPV6`. The argument must stay. Returns 0, or what is wrong
 * with it in words (static). */
char const *where_scan(struct where *w, char const *arg);

/* May this begin the names of keys and of the channel: 1 to 64 letters, digits, . _ : - (nothing that a pattern of the
 * server's could mean)? */
#define WHERE_PREFIX 64
int where_is_prefix(char const *s);

#endif
