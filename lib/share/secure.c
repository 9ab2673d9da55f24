/* TLS to the server. hiredis carries the bytes; who the server is we check ourselves, since hiredis checks only that
 * some authority knows it. */
#include "share/secure.h"

#if __has_include(<hiredis/hiredis_ssl.h>)

#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

char const *secure_why(void)
{
  static char text[128];
  unsigned long e = ERR_peek_last_error();
  if (!e) return 0;
  char const *reason = ERR_reason_error_string(e);
  snprintf(text, sizeof text, "TLS: %s", reason ? reason : "it failed");
  ERR_clear_error();
  return text;
}

static int path(char out[PATH_MAX], char const *dir, char const *name)
{
  return snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

char const *secure_open(struct secure *s, char const *dir)
{
  char ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
  if (!path(ca, dir, "ca.pem") || !path(cert, dir, "cert.pem") || !path(key, dir, "key.pem"))
    return "its name is too long";
  SSL_CTX *c = SSL_CTX_new(TLS_client_method());
  if (!c) return "out of memory";
  s->context = c;
  if (!SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION)) return "TLS 1.2 can't be had";
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, 0);
  if (SSL_CTX_load_verify_locations(c, ca, 0) != 1) return "ca.pem can't be read";
  if (access(cert, F_OK) && access(key, F_OK)) return 0;
  if (SSL_CTX_use_certificate_chain_file(c, cert) != 1) return "cert.pem can't be read";
  if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1) return "key.pem can't be read, or is not cert.pem's";
  return 0;
}

void secure_close(struct secure *s)
{
  SSL_CTX_free(s->context);
  s->context = 0;
}

static int name_server(SSL *tls, struct where const *at)
{
  X509_VERIFY_PARAM *p = SSL_get0_param(tls);
  if (at->path) return 1;
  if (at->ip.len) return X509_VERIFY_PARAM_set1_ip(p, at->ip.b, at->ip.len) == 1;
  return SSL_set_tlsext_host_name(tls, at->name) == 1 && SSL_set1_host(tls, at->name) == 1;
}

void *secure_start(struct secure *s, redisContext *c, struct where const *at)
{
  ERR_clear_error();
  SSL *tls = SSL_new(s->context);
  if (tls && name_server(tls, at) && redisInitiateSSL(c, tls) == REDIS_OK) return tls;
  SSL_free(tls);
  return 0;
}

int secure_wants_read(void *tls)
{
  return SSL_want_read((SSL *)tls);
}

#else

char const *secure_open(struct secure *s, char const *dir)
{
  (void)s, (void)dir;
  return "built with a hiredis that has no TLS: use a tunnel, relay-pop-sync(8)";
}

void *secure_start(struct secure *s, redisContext *c, struct where const *at)
{
  (void)s, (void)c, (void)at;
  return 0;
}

int secure_wants_read(void *tls)
{
  (void)tls;
  return 0;
}

char const *secure_why(void)
{
  return 0;
}

void secure_close(struct secure *s)
{
  (void)s;
}

#endif
