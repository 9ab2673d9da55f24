/* TLS as a client: the handshake, and the bytes after it. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include "base/io.h"
#include "tls/client_context.h"
#include "tls/pem.h"

/* Waits for what OpenSSL wants. Returns 0, or -1 with errno. */
static int wait_for(struct tls_client const *c, int want, int64_t deadline)
{
  int64_t left = deadline - io_now();
  struct pollfd p = { .fd = c->fd, .events = want == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN };
  if (left <= 0) return errno = ETIMEDOUT, -1;
  return poll(&p, 1, (int)(left < 1000000 ? left : 1000000)) < 0 && errno != EINTR ? -1 : 0;
}

/* What OpenSSL did: 1 more than nothing, 0 wait and do it again, -1 it is over with errno (0: the end). */
static int judge(struct tls_client *c, int r, int64_t deadline)
{
  int e = errno, what = SSL_get_error(c->ssl, r);
  if (what == SSL_ERROR_NONE) return 1;
  if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) return wait_for(c, what, deadline);
  if (what != SSL_ERROR_ZERO_RETURN) c->broken = 1;
  errno = what == SSL_ERROR_SSL ? EPROTO : what == SSL_ERROR_SYSCALL ? e : 0;
  return -1;
}

static void ready(void)
{
  errno = 0;
  ERR_clear_error();
}

ssize_t tls_client_read(void *arg, char *buf, size_t n, int64_t deadline)
{
  struct tls_client *c = arg;
  for (;;) {
    ready();
    int r = SSL_read(c->ssl, buf, n < INT_MAX ? (int)n : INT_MAX), j = judge(c, r, deadline);
    if (j > 0) return r;
    if (j < 0) return errno ? -1 : 0;
  }
}

ssize_t tls_client_write(void *arg, char const *s, size_t n, int64_t deadline)
{
  struct tls_client *c = arg;
  for (;;) {
    ready();
    int r = SSL_write(c->ssl, s, n < INT_MAX ? (int)n : INT_MAX), j = judge(c, r, deadline);
    if (j > 0) return r;
    if (j == 0) continue;
    if (errno == ETIMEDOUT) c->broken = 1; /* half a record may have gone */
    if (!errno) errno = EPIPE;
    return -1;
  }
}

int tls_client_quiet(void *arg)
{
  struct tls_client *c = arg;
  char byte;
  ready();
  int r = SSL_peek(c->ssl, &byte, 1), what = SSL_get_error(c->ssl, r);
  if (what == SSL_ERROR_SSL || what == SSL_ERROR_SYSCALL) c->broken = 1;
  return what == SSL_ERROR_WANT_READ;
}

void tls_client_close(void *arg)
{
  struct tls_client *c = arg;
  if (!c) return;
  ready();
  if (c->ssl && !c->broken) SSL_shutdown(c->ssl);
  SSL_free(c->ssl);
  pem_forget();
  free(c);
}

/* Returns TLS_FINE, or what it was. */
static enum tls_failure handshake(struct tls_client *c, int64_t deadline, struct tls_found *found,
  char why[TLS_CLIENT_WHY])
{
  for (;;) {
    ready();
    int r = SSL_connect(c->ssl), what = SSL_get_error(c->ssl, r);
    char const *text = "the server hung up";
    int j = judge(c, r, deadline), e = errno;
    if (j > 0) return TLS_FINE;
    if (j == 0) continue;
    c->broken = 1;
    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
      return snprintf(why, TLS_CLIENT_WHY, "%s", e == ETIMEDOUT ? "no answer in time" : strerror(e)),
        e == ETIMEDOUT ? TLS_TIMEOUT : TLS_FAILED;
    }
    if (what == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      found->verify = SSL_get_verify_result(c->ssl);
      pem_forget();
      return snprintf(why, TLS_CLIENT_WHY, "%s", X509_verify_cert_error_string(found->verify)), TLS_UNVERIFIED;
    }
    if (what == SSL_ERROR_SSL) text = pem_why("it breaks the protocol");
    else if (what == SSL_ERROR_SYSCALL && e) text = strerror(e);
    return snprintf(why, TLS_CLIENT_WHY, "%s", text), TLS_FAILED;
  }
}

static void describe(struct tls_client const *c, struct tls_want const *want, struct tls_found *found)
{
  snprintf(found->version, sizeof found->version, "%s", SSL_get_version(c->ssl));
  snprintf(found->cipher, sizeof found->cipher, "%s", SSL_get_cipher_name(c->ssl));
  found->resumed = SSL_session_reused(c->ssl) == 1;
  if (want->check == TLS_CHECK_NONE) return;
  found->verify = SSL_get_verify_result(c->ssl);
  if (found->verify == X509_V_OK) found->checked = want->check;
  else snprintf(found->why, sizeof found->why, "%s", X509_verify_cert_error_string(found->verify));
}

enum tls_failure tls_client_start(struct tls_client **out, struct tls_clients *all, int fd,
  struct tls_want const *want, int64_t deadline, struct tls_found *found, char why[TLS_CLIENT_WHY])
{
  *out = 0;
  *found = (struct tls_found){ .verify = X509_V_OK };
  struct tls_client *c = calloc(1, sizeof *c);
  if (!c) return snprintf(why, TLS_CLIENT_WHY, "out of memory"), TLS_OURS;
  c->fd = fd;
  c->all = all;
  enum tls_failure f = client_context_prepare(c, want, why) ? handshake(c, deadline, found, why) : TLS_OURS;
  if (f == TLS_FINE) {
    describe(c, want, found);
    *out = c;
    return f;
  }
  if (f != TLS_OURS) client_context_failed(c);
  tls_client_close(c);
  return f;
}
