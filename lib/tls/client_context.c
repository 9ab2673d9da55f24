/* TLS as a client: the context, certificate authorities, kept sessions, what a connection must stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/x509v3.h>
#include <skalibs/sha256.h>
#include "base/io.h"
#include "parse/ip.h"
#include "tls/client_context.h"
#include "tls/pem.h"

/* Where no certificate is looked at somebody in between could take our place anyway, and the other choice is often no
 * TLS at all: so old keys and suites are good enough there. */
#define CIPHERS_UNCHECKED "DEFAULT:@SECLEVEL=0"

static int no(char why[TLS_CLIENT_WHY], char const *what, char const *of, char const *reason)
{
  snprintf(why, TLS_CLIENT_WHY, "%s%s%s%s", what, of, *reason ? ": " : "", reason);
  return 0;
}

static struct tls_kept *find(struct tls_client *c)
{
  for (unsigned i = 0; i < TLS_CLIENT_SESSIONS; i++) {
    struct tls_kept *k = &c->all->kept[i];
    if (k->session && !memcmp(k->key, c->key, sizeof k->key)) return k;
  }
  return 0;
}

/* TLS 1.3's tickets come at any time after the handshake. Returns 1: the session is ours. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
  struct tls_client *c = SSL_get_app_data(ssl);
  if (!c->keyed) return 0;
  struct tls_clients *all = c->all;
  struct tls_kept *to = find(c);
  if (!to) to = &all->kept[all->next++ % TLS_CLIENT_SESSIONS];
  SSL_SESSION_free(to->session);
  to->session = session;
  memcpy(to->key, c->key, sizeof to->key);
  return 1;
}

static SSL_CTX *make(void)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx) return 0;
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, on_session);
  if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) && SSL_CTX_dane_enable(ctx) > 0) { /* RFC 8996 */
    SSL_CTX_dane_set_flags(ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS); /* RFC 7672 3.1.1 */
    return ctx;
  }
  SSL_CTX_free(ctx);
  return 0;
}

/* The authorities to believe. They may have changed since they were read. */
static int load(struct tls_clients *all, char const *ca, char why[TLS_CLIENT_WHY])
{
  if (!ca) ca = "";
  if (all->ca && !strcmp(all->ca, ca) && io_now() - all->loaded < TLS_CLIENT_FRESH * 1000) return 1;
  X509_STORE *store = X509_STORE_new();
  free(all->ca);
  all->ca = 0;
  if (!store) return no(why, "out of memory", "", "");
  SSL_CTX_set_cert_store(all->ctx, store);
  if (!*ca && !SSL_CTX_set_default_verify_paths(all->ctx)) {
    return no(why, "the system's certificate authorities can't be read", "", pem_why(""));
  }
  if (*ca) {
    STACK_OF(X509) *list;
    char const *reason = pem_certificates(&list, ca);
    if (reason) return no(why, "can't read ", ca, reason);
    int good = 1;
    for (int i = 0; i < sk_X509_num(list); i++) good &= X509_STORE_add_cert(store, sk_X509_value(list, i));
    sk_X509_pop_free(list, X509_free);
    if (!good) return no(why, "can't take ", ca, pem_why("out of memory"));
  }
  all->loaded = io_now();
  return (all->ca = strdup(ca)) ? 1 : no(why, "out of memory", "", "");
}

static void add(SHA256Schedule *sum, char const *s)
{
  if (!s) s = "";
  sha256_update(sum, s, strlen(s) + 1);
}

/* A session takes over what was verified when it was made: it is good for the same demand alone. */
static void make_key(unsigned char key[32], struct tls_want const *want)
{
  SHA256Schedule sum = SHA256_INIT();
  char const what[] = { (char)want->check, (char)want->only_look, (char)want->names_n };
  add(&sum, want->peer);
  sha256_update(&sum, what, sizeof what);
  add(&sum, want->sni);
  add(&sum, want->ca);
  for (unsigned i = 0; i < want->names_n; i++) add(&sum, want->names[i]);
  for (unsigned i = 0; i < want->tlsa_n; i++) {
    struct tls_tlsa const *t = &want->tlsa[i];
    char const head[] = { (char)t->usage, (char)t->selector, (char)t->matching, (char)(t->len >> 8), (char)t->len };
    sha256_update(&sum, head, sizeof head);
    sha256_update(&sum, (char const *)t->data, t->len);
  }
  sha256_final(&sum, (char *)key);
}

static void forget(struct tls_kept *k)
{
  SSL_SESSION_free(k->session);
  k->session = 0;
}

/* A ticket of TLS 1.3 is used once: who sees it twice knows that it is the same client (RFC 8446 C.4). */
static void resume(struct tls_client *c)
{
  struct tls_kept *k = find(c);
  if (!k) return;
  if (time(0) - SSL_SESSION_get_time(k->session) < TLS_CLIENT_FRESH) SSL_set_session(c->ssl, k->session);
  else return forget(k);
  if (SSL_SESSION_get_protocol_version(k->session) >= TLS1_3_VERSION) forget(k);
}

void client_context_failed(struct tls_client *c)
{
  struct tls_kept *k = c->keyed ? find(c) : 0;
  if (k) forget(k);
}

/* Any of the names; an address stands alone. */
static int set_names(SSL *ssl, struct tls_want const *want)
{
  struct ip ip;
  X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
    | (want->check == TLS_CHECK_CA ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : 0)); /* RFC 9525 2; RFC 7672 3.2.3 */
  if (!want->names_n) return 0;
  if (ip_scan(&ip, want->names[0], strlen(want->names[0]))) return X509_VERIFY_PARAM_set1_ip(p, ip.b, ip.len);
  for (unsigned i = 0; i < want->names_n; i++)
    if (!(i ? SSL_add1_host(ssl, want->names[i]) : SSL_set1_host(ssl, want->names[i]))) return 0;
  return 1;
}

static int set_dane(SSL *ssl, struct tls_want const *want)
{
  int usable = 0;
  if (!want->names_n || SSL_dane_enable(ssl, want->names[0]) <= 0) return 0;
  for (unsigned i = 0; i < want->tlsa_n; i++) {
    struct tls_tlsa const *t = &want->tlsa[i];
    if (!tls_tlsa_usable(t)) continue;
    usable += SSL_dane_tlsa_add(ssl, t->usage, t->selector, t->matching, t->data, t->len) > 0;
  }
  return usable; /* with none OpenSSL would ask the authorities */
}

int client_context_prepare(struct tls_client *c, struct tls_want const *want, char why[TLS_CLIENT_WHY])
{
  struct tls_clients *all = c->all;
  if (!all->ctx && !(all->ctx = make())) return no(why, "no TLS", "", pem_why("out of memory"));
  if (want->check == TLS_CHECK_CA && !load(all, want->ca, why)) return 0;
  SSL *ssl = c->ssl = SSL_new(all->ctx);
  if (!ssl || !SSL_set_fd(ssl, c->fd)) return no(why, "no TLS", "", pem_why("out of memory"));
  SSL_set_app_data(ssl, c);
  int ok = !want->sni || !*want->sni || SSL_set_tlsext_host_name(ssl, want->sni);
  if (want->check == TLS_CHECK_DANE) ok = ok && set_dane(ssl, want);
  if (want->check != TLS_CHECK_NONE) ok = ok && set_names(ssl, want);
  if (want->check == TLS_CHECK_NONE || want->only_look) {
    SSL_set_verify(ssl, SSL_VERIFY_NONE, 0);
    SSL_set_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT);
    ok = ok && SSL_set_cipher_list(ssl, CIPHERS_UNCHECKED);
  }
  else SSL_set_verify(ssl, SSL_VERIFY_PEER, 0);
  if (!ok) return no(why, "what is demanded can't be checked", "", pem_why(""));
  if (!want->peer) return 1;
  c->keyed = 1;
  make_key(c->key, want);
  resume(c);
  return 1;
}

void tls_clients_free(struct tls_clients *all)
{
  for (unsigned i = 0; i < TLS_CLIENT_SESSIONS; i++) forget(&all->kept[i]);
  SSL_CTX_free(all->ctx);
  free(all->ca);
  *all = (struct tls_clients){ .ctx = 0 };
}

/* Is the data a certificate, or a public key, in whole? */
static int whole(struct tls_tlsa const *r)
{
  unsigned char const *p = r->data;
  X509 *x = r->selector ? 0 : d2i_X509(0, &p, r->len);
  EVP_PKEY *key = r->selector ? d2i_PUBKEY(0, &p, r->len) : 0;
  int ok = (x || key) && p == r->data + r->len;
  X509_free(x);
  EVP_PKEY_free(key);
  pem_forget();
  return ok;
}

int tls_tlsa_usable(struct tls_tlsa const *r)
{
  if (r->usage < 2 || r->usage > 3 || r->selector > 1) return 0;
  if (r->matching == 1) return r->len == 32;
  if (r->matching == 2) return r->len == 64;
  return r->matching == 0 && r->len && whole(r);
}
