/* Who is at the other end of descriptor 0, and the variables that say so to the rest of the chain. The truth is the
 * socket's; only where there is none the environment is asked, as UCSPI, xinetd and systemd fill it. */
#ifndef GATE_PEER_H
#define GATE_PEER_H

#include <stdint.h>
#include <skalibs/stralloc.h>
#include "parse/ip.h"
#include "parse/proxy.h"

struct peer {
  struct ip remote, local;            /* len 0: unknown */
  uint16_t remote_port, local_port;   /* 0: unknown */
  char const *host, *info;            /* TCPREMOTEHOST, TCPREMOTEINFO if they speak of this peer; null: unknown */
  char const *local_host;             /* TCPLOCALHOST likewise */
};

/* Learns the peer of fd. Returns 0, or -1 with errno: ENOTCONN (an internet socket whose peer has gone), EPROTO (what
 * the environment calls an address is none). The strings point into the environment. */
int peer_learn(struct peer *p, int fd);

/* Reads a PROXY header from fd, not a byte more, before deadline (base/io.h). Returns 0, or -1 with errno: EPROTO
 * (none, or a malformed one), EPIPE (the end came first), ETIMEDOUT, ... */
int peer_read_proxy(int fd, struct proxy *x, int64_t deadline);

/* Puts the addresses of a PROXY header in place of the connection's, if it has any. */
void peer_set_proxy(struct peer *p, struct proxy const *x);

/* Appends the changes to the environment (skalibs' modifs: `NAME=value\0` sets, `NAME\0` unsets) that make PROTO and
 * the TCP family say what p says, and nothing else. Returns 1, or 0 without memory. */
int peer_env(stralloc *modifs, struct peer const *p);

#endif
