/* Bytes between a TLS connection and the socket of a program that knows nothing of TLS.
 *
 *            up: SSL_read -> up.s -> write to plain          down: read of plain -> down.s -> SSL_write
 *   OPEN     bytes come                                      bytes come
 *   ENDING   close_notify came, bytes may be left            the program's end came, bytes may be left
 *   OVER     plain is shut for writing                       close_notify is sent, the socket is shut for writing
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include "base/io.h"
#include "tls/pump.h"

#define PIECE 16384 /* what a TLS record holds */

enum way { OPEN, ENDING, OVER };

struct buffer {
  enum way way;
  short wants;      /* what OpenSSL waits for on this way: POLLIN, POLLOUT; 0: nothing */
  size_t at, len;   /* what is left to be written: s[at..len) */
  char s[PIECE];
};

struct pump {
  SSL *ssl;
  int in, out, plain;
  int broken;       /* nothing more can come or go */
  struct buffer *up, *down;
};

/* After an OpenSSL call that did nothing. */
static void failed(struct pump *p, struct buffer *b, int r)
{
  int why = SSL_get_error(p->ssl, r);
  if (why == SSL_ERROR_WANT_READ) b->wants = POLLIN;
  else if (why == SSL_ERROR_WANT_WRITE) b->wants = POLLOUT;
  else p->broken = 1;
}

/* The functions of a step return whether something was done. */

static int read_tls(struct pump *p)
{
  struct buffer *b = p->up;
  ERR_clear_error();
  int r = SSL_read(p->ssl, b->s, PIECE);
  b->at = b->len = 0;
  b->wants = 0;
  if (r > 0) return b->len = (size_t)r, 1;
  if (SSL_get_error(p->ssl, r) == SSL_ERROR_ZERO_RETURN) return b->way = ENDING, 1;
  return failed(p, b, r), 0;
}

static int write_plain(struct pump *p)
{
  struct buffer *b = p->up;
  ssize_t w = send(p->plain, b->s + b->at, b->len - b->at, MSG_NOSIGNAL);
  if (w >= 0) return b->at += (size_t)w, 1;
  if (errno == EAGAIN || errno == EINTR) return 0;
  b->at = b->len = 0; /* the program reads no more */
  b->way = OVER;
  return 1;
}

static int read_plain(struct pump *p)
{
  struct buffer *b = p->down;
  ssize_t r = read(p->plain, b->s, PIECE);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  b->at = b->len = 0;
  if (r > 0) b->len = (size_t)r;
  else b->way = ENDING;
  return 1;
}

static int write_tls(struct pump *p)
{
  struct buffer *b = p->down;
  ERR_clear_error();
  int r = SSL_write(p->ssl, b->s + b->at, (int)(b->len - b->at));
  b->wants = 0;
  if (r > 0) return b->at += (size_t)r, 1;
  return failed(p, b, r), 0;
}

static int say_end(struct pump *p)
{
  struct buffer *b = p->down;
  ERR_clear_error();
  int r = SSL_shutdown(p->ssl);
  b->wants = 0;
  if (r < 0) return failed(p, b, r), 0;
  shutdown(p->out, SHUT_WR); /* the program has this socket open, too: closing ours would not show */
  b->way = OVER;
  return 1;
}

static int step_up(struct pump *p)
{
  struct buffer *b = p->up;
  if (b->way == OVER) return 0;
  if (b->at < b->len) return write_plain(p);
  if (b->way == OPEN) return read_tls(p);
  shutdown(p->plain, SHUT_WR);
  b->way = OVER;
  return 1;
}

static int step_down(struct pump *p)
{
  struct buffer *b = p->down;
  if (b->way == OVER) return 0;
  if (b->at < b->len) return write_tls(p);
  return b->way == OPEN ? read_plain(p) : say_end(p);
}

/* Waits until a step can be done. Only what a step waits for is asked, since a side that hung up is ready always.
 * Returns 0 when there is nothing to wait for any more. */
static int wait_for(struct pump *p, int64_t deadline)
{
  struct pollfd f[3] = { { .fd = p->in }, { .fd = p->out }, { .fd = p->plain } };
  short wants = (short)(p->up->wants | p->down->wants);
  int up_waits = p->up->at < p->up->len;
  if (wants & POLLIN) f[0].events = POLLIN;
  else f[0].fd = -1;
  if (wants & POLLOUT) f[1].events = POLLOUT;
  else f[1].fd = -1;
  if (up_waits) f[2].events |= POLLOUT;
  if (p->down->way == OPEN && p->down->at == p->down->len) f[2].events |= POLLIN;
  if (!f[2].events && p->down->way != OVER) f[2].fd = -1;
  int64_t left = deadline - io_now();
  int r = left > 0 ? poll(f, 3, left > 3600000 ? 3600000 : (int)left) : 0;
  if (r < 0 && errno != EINTR) return 0;
  if (r <= 0) return io_now() < deadline;
  /* all is said, and the program is gone: nobody is there for what the client may still send */
  return !(p->down->way == OVER && f[2].revents & (POLLHUP | POLLERR));
}

void pump(SSL *ssl, int in, int out, int plain, int64_t idle)
{
  static struct buffer up, down;
  struct pump p = { .ssl = ssl, .in = in, .out = out, .plain = plain, .up = &up, .down = &down };
  int64_t deadline = io_now() + idle;
  while (!p.broken && (up.way != OVER || down.way != OVER)) {
    int done = step_up(&p);
    done |= step_down(&p);
    if (p.broken) break;
    if (done) deadline = io_now() + idle;
    else if (!wait_for(&p, deadline)) break;
  }
}
