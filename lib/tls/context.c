/* What all TLS connections of a server share. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include "tls/context.h"

/* TLS 1.2 with forward secrecy; the CBC suites at the end are for servers of the years before GCM, whose other choice
 * would be no TLS at all. TLS 1.3 has suites of its own, all good. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AESCCM:ECDHE+SHA384:ECDHE+SHA256:!aNULL"
#define ID "posthouse"
#define TICKET_KEYS 256 /* bytes that the keys of tickets take, at most */

static int choose(SSL *ssl, void *certs)
{
  return certs_choose(certs, ssl, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
}

/* A client that speaks another protocol was led here by somebody in the middle (ALPACA): it must not take our words for
 * those of a web server. There is no registered name for SMTP; these two are in use. */
static int alpn(SSL *ssl, unsigned char const **out, unsigned char *len, unsigned char const *in, unsigned n,
  void *data)
{
  static unsigned char const ours[] = "\004smtp\005esmtp";
  (void)ssl, (void)data;
  unsigned char *chosen;
  if (SSL_select_next_proto(&chosen, len, ours, sizeof ours - 1, in, n) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/* A client's bad certificate is as good as none; SSL_CLIENT_VERIFY says what is wrong with it. */
static int go_on(int good, X509_STORE_CTX *store)
{
  (void)good, (void)store;
  return 1;
}

static int ask_for_clients(SSL_CTX *ctx, STACK_OF(X509) *authorities)
{
  X509_STORE *store = SSL_CTX_get_cert_store(ctx);
  for (int i = 0; i < sk_X509_num(authorities); i++) {
    X509 *x = sk_X509_value(authorities, i);
    if (!X509_STORE_add_cert(store, x) || !SSL_CTX_add_client_CA(ctx, x)) return 0;
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, go_on);
  return 1;
}

int context_new_tickets(SSL_CTX *ctx)
{
  unsigned char keys[TICKET_KEYS];
  long n = SSL_CTX_get_tlsext_ticket_keys(ctx, 0, 0);
  int ok = n > 0 && n <= TICKET_KEYS && RAND_bytes(keys, (int)n) == 1
    && SSL_CTX_set_tlsext_ticket_keys(ctx, keys, n) == 1;
  OPENSSL_cleanse(keys, sizeof keys);
  return ok;
}

SSL_CTX *context_new(struct certs const *certs)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  if (!ctx) return 0;
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE
    | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(ctx, CONTEXT_TICKETS);
  SSL_CTX_set_cert_cb(ctx, choose, (void *)certs);
  SSL_CTX_set_alpn_select_cb(ctx, alpn, 0);
  if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) && SSL_CTX_set_cipher_list(ctx, CIPHERS)
      && SSL_CTX_set_session_id_context(ctx, (unsigned char const *)ID, sizeof ID - 1)
      && SSL_CTX_set_num_tickets(ctx, 1) && context_new_tickets(ctx)
      && (!certs->clients || ask_for_clients(ctx, certs->clients))) return ctx;
  SSL_CTX_free(ctx);
  return 0;
}
