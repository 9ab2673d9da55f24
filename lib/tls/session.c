/* One TLS connection, from its handshake to its end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include "base/io.h"
#include "base/log.h"
#include "parse/ip.h"
#include "tls/context.h"
#include "tls/describe.h"
#include "tls/pem.h"
#include "tls/pump.h"
#include "tls/session.h"

#define LINGER 2000      /* milliseconds for the client to read our last words and to close */
#define TELL_TIME 10000  /* milliseconds for the program to take the variables */

/* The address is asked for before the handshake: afterwards the client may have gone, and its address with it. */
static void name_client(char text[IP_TEXT], struct session const *s)
{
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  struct ip ip;
  uint16_t port;
  strcpy(text, "unknown");
  if (getpeername(s->fds.in, (struct sockaddr *)&sa, &len) == 0
      && ip_from_sockaddr(&ip, &port, (struct sockaddr *)&sa)) ip_fmt(text, &ip);
}

static void log_failed(char const *client, char const *why)
{
  struct log_line l;
  log_start(&l, "handshake-failed");
  log_num(&l, "pid", (uint64_t)getpid());
  log_str(&l, "client", client);
  log_str(&l, "why", why);
  log_end(&l);
}

/* Waits until the network is ready. Returns 0, or why it will not be. */
static char const *wait_network(struct session const *s, int why, int64_t deadline)
{
  int writing = why == SSL_ERROR_WANT_WRITE;
  struct pollfd f[2] = {
    { .fd = writing ? s->fds.out : s->fds.in, .events = writing ? POLLOUT : POLLIN },
    { .fd = s->fds.plain },
  };
  int64_t left = deadline - io_now();
  int r = left > 0 ? poll(f, 2, (int)left) : 0;
  if (r < 0 && errno != EINTR) return strerror(errno);
  if (r == 0) return "timeout";
  return r > 0 && f[1].revents ? "the receiver is gone" : 0;
}

/* Returns 0, or what went wrong. */
static char const *handshake(struct session const *s, SSL *ssl)
{
  int64_t deadline = io_now() + (int64_t)s->handshake * 1000;
  for (;;) {
    errno = 0;
    ERR_clear_error();
    int r = SSL_accept(ssl);
    if (r == 1) return 0;
    int e = errno, why = SSL_get_error(ssl, r);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
      char const *end = wait_network(s, why, deadline);
      if (end) return end;
    } else if (why == SSL_ERROR_SYSCALL) return e ? strerror(e) : "closed";
    else return why == SSL_ERROR_SSL ? pem_why("protocol error") : "closed";
  }
}

/* The keys have done their work. What OpenSSL frees of them it wipes. */
static void forget_keys(SSL *ssl, SSL_CTX *ctx, struct certs *certs)
{
  static unsigned char none[256];
  long n = SSL_CTX_get_tlsext_ticket_keys(ctx, 0, 0);
  if (n > 0 && n <= (long)sizeof none) SSL_CTX_set_tlsext_ticket_keys(ctx, none, n);
  if (ssl) SSL_certs_clear(ssl);
  certs_free(certs);
}

static int tell(struct session const *s, SSL *ssl)
{
  stralloc vars = STRALLOC_ZERO;
  int ok = !s->tell || (describe(&vars, ssl) && !io_write(s->control, vars.s, vars.len, io_now() + TELL_TIME));
  stralloc_free(&vars);
  return ok;
}

/* Lets the client read what is on its way: closing while bytes of the client are unread would destroy it. */
static void hang_up(struct session const *s)
{
  char buf[4096];
  int64_t deadline = io_now() + LINGER;
  shutdown(s->fds.out, SHUT_WR);
  while (io_read(s->fds.in, buf, sizeof buf, deadline) > 0);
  shutdown(s->fds.in, SHUT_RDWR);
}

static int nonblocking(int fd)
{
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0;
}

static char const *serve(struct session const *s, SSL_CTX *ctx, struct certs *certs)
{
  struct ucspi_fds const *fds = &s->fds;
  SSL *ssl = 0;
  char const *why = 0;
  if (!nonblocking(fds->in) || !nonblocking(fds->out) || !nonblocking(fds->plain)) why = strerror(errno);
  else if (!(ssl = SSL_new(ctx)) || !SSL_set_rfd(ssl, fds->in) || !SSL_set_wfd(ssl, fds->out))
    why = pem_why("out of memory");
  else why = handshake(s, ssl);
  forget_keys(ssl, ctx, certs);
  if (!why && !tell(s, ssl)) why = "the receiver is gone";
  close(s->control);
  if (!why) pump(ssl, fds->in, fds->out, fds->plain, (int64_t)s->idle * 1000);
  close(fds->plain);
  SSL_free(ssl);
  return why;
}

int session_run(struct session const *s, SSL_CTX *ctx, struct certs *certs)
{
  char client[IP_TEXT];
  name_client(client, s);
  char const *why = serve(s, ctx, certs);
  if (why) log_failed(client, why);
  hang_up(s);
  close(s->fds.in);
  if (s->fds.out != s->fds.in) close(s->fds.out);
  return why ? 111 : 0;
}
