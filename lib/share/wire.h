/* One connection to the server: hiredis' parser and buffers, without its loop. Nothing here waits. */
#ifndef SHARE_WIRE_H
#define SHARE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <hiredis/hiredis.h>
#include "share/secure.h"
#include "share/where.h"

#define WIRE_DUE 4096      /* replies that may be outstanding */
#define WIRE_REPLY 1048576 /* bytes of a reply that is not whole yet; ours are smaller */
#define WIRE_WHY 160

/* What a reply answers. */
enum wire_due { DUE_NOTHING, DUE_AUTH, DUE_HELLO, DUE_PONG, DUE_SCAN, DUE_ENTRY, DUE_SET, DUE_PUBLISH };

struct wire {
  redisContext *c;         /* null: closed */
  void *tls;               /* null: none */
  unsigned unsent : 1;     /* there is something to write */
  unsigned stuck : 1;      /* TLS must read before it can go on writing */
  unsigned first, dues;    /* of due: a ring */
  unsigned char due[WIRE_DUE];
  int64_t heard;           /* io_now() when it last said anything */
  char why[WIRE_WHY];      /* what is wrong, after a function that failed; from outside: any bytes */
};

struct wire_word { char const *s; size_t len; };

/* Begins to connect; `ip` is the address, unless the server is at a Unix socket. Returns 0, or -1 with why. */
int wire_open(struct wire *w, struct where const *at, struct ip const *ip, struct secure *secure);

/* Harmless when it is closed. */
void wire_close(struct wire *w);

/* How many more commands there is room for. */
unsigned wire_room(struct wire const *w);

/* Puts a command of n words into the buffer. With DUE_NOTHING its reply is not counted (it comes as the server likes).
 * Returns 0, or -1 with why. */
#define WIRE_WORDS 8
int wire_send(struct wire *w, enum wire_due due, struct wire_word const *words, unsigned n);

/* What to poll for; and reads and writes what can be, once. Returns 0, or -1 with why. */
short wire_events(struct wire const *w);
int wire_turn(struct wire *w, short revents);

/* The next reply, the caller's to free. Returns 1, 0 (none is whole yet), or -1 with why. */
int wire_reply(struct wire *w, redisReply **reply);

/* What the reply that has come answers; once for each. DUE_NOTHING: nothing was asked. */
enum wire_due wire_due(struct wire *w);

#endif
