/* One connection to the server. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "base/io.h"
#include "share/wire.h"

static int fail(struct wire *w, char const *why)
{
  snprintf(w->why, sizeof w->why, "%s", why);
  return -1;
}

/* hiredis has noted what went wrong; of TLS it knows no more than errno. */
static int failed(struct wire *w)
{
  char const *tls = w->tls ? secure_why() : 0;
  return fail(w, tls ? tls : *w->c->errstr ? w->c->errstr : strerror(errno));
}

int wire_open(struct wire *w, struct where const *at, struct ip const *ip, struct secure *secure)
{
  char address[IP_TEXT];
  wire_close(w);
  if (at->path) w->c = redisConnectUnixNonBlock(at->path);
  else {
    ip_fmt(address, ip);
    w->c = redisConnectNonBlock(address, at->port);
  }
  w->unsent = w->stuck = 0;
  w->first = w->dues = 0;
  w->heard = io_now();
  if (!w->c) return fail(w, "out of memory");
  if (w->c->err) return failed(w);
  if (!secure) return 0;
  w->tls = secure_start(secure, w->c, at);
  return w->tls ? 0 : fail(w, secure_why() ? secure_why() : "TLS could not be started");
}

void wire_close(struct wire *w)
{
  if (w->c) redisFree(w->c); /* with what TLS has */
  w->c = 0;
  w->tls = 0;
}

unsigned wire_room(struct wire const *w)
{
  return WIRE_DUE - w->dues;
}

int wire_send(struct wire *w, enum wire_due due, struct wire_word const *words, unsigned n)
{
  char const *s[WIRE_WORDS];
  size_t len[WIRE_WORDS];
  if (n > WIRE_WORDS || w->dues == WIRE_DUE) return fail(w, "too many commands at once");
  for (unsigned i = 0; i < n; i++) {
    s[i] = words[i].s;
    len[i] = words[i].len;
  }
  if (redisAppendCommandArgv(w->c, (int)n, s, len) != REDIS_OK) return failed(w);
  if (due != DUE_NOTHING) w->due[(w->first + w->dues++) % WIRE_DUE] = (unsigned char)due;
  w->unsent = 1;
  return 0;
}

short wire_events(struct wire const *w)
{
  return (short)(POLLIN | (w->unsent && !w->stuck ? POLLOUT : 0));
}

int wire_turn(struct wire *w, short revents)
{
  int done;
  if (revents & (POLLOUT | POLLERR | POLLHUP) && w->unsent) {
    if (redisBufferWrite(w->c, &done) != REDIS_OK) return failed(w);
    w->unsent = !done;
    w->stuck = w->tls && !done && secure_wants_read(w->tls);
  }
  if (revents & (POLLIN | POLLERR | POLLHUP)) {
    if (redisBufferRead(w->c) != REDIS_OK) return failed(w);
    w->heard = io_now();
    w->stuck = 0;
  }
  return 0;
}

int wire_reply(struct wire *w, redisReply **reply)
{
  void *r = 0;
  if (redisGetReplyFromReader(w->c, &r) != REDIS_OK) return failed(w);
  *reply = r;
  if (r) return 1;
  return w->c->reader->len > WIRE_REPLY ? fail(w, "a reply that is too large") : 0;
}

enum wire_due wire_due(struct wire *w)
{
  if (!w->dues) return DUE_NOTHING;
  unsigned char due = w->due[w->first];
  w->first = (w->first + 1) % WIRE_DUE;
  w->dues--;
  return due;
}
