/* A server of OpenSSL's in a child process, and certificates made here. */
#ifndef TESTS_TLS_SERVER_H
#define TESTS_TLS_SERVER_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <skalibs/djbunix.h>
#include "unit.h"
#include "base/io.h"
#include "tls/client.h"

enum { GOOD, EXPIRED, ALONE, ADDRESS, CERTS };

static EVP_PKEY *ca_key, *key[CERTS];
static X509 *ca, *cert[CERTS];
static char folder[] = "/tmp/posthouse-client-XXXXXX", ca_file[64];
static struct tls_clients all;

static X509 *make(EVP_PKEY **k, char const *san, long until, X509 *issuer, EVP_PKEY *issuer_key)
{
  static int serial;
  X509 *x = X509_new();
  X509_NAME *dn = X509_get_subject_name(x);
  *k = EVP_EC_gen("P-256");
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), -7200);
  X509_gmtime_adj(X509_getm_notAfter(x), until);
  X509_set_pubkey(x, *k);
  X509_NAME_add_entry_by_txt(dn, "CN", MBSTRING_ASC, (unsigned char const *)(san ? "cn.example" : "CA"), -1, -1, 0);
  X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : dn);
  X509_EXTENSION *e = X509V3_EXT_conf_nid(0, 0, san ? NID_subject_alt_name : NID_basic_constraints,
    san ? san : "critical,CA:TRUE");
  X509_add_ext(x, e, -1);
  X509_EXTENSION_free(e);
  assert_true(X509_sign(x, issuer ? issuer_key : *k, EVP_sha256()));
  return x;
}

static int enter(void **state)
{
  if (!mkdtemp(folder)) return -1;
  signal(SIGPIPE, SIG_IGN);
  ca = make(&ca_key, 0, 3600, 0, 0);
  cert[GOOD] = make(&key[GOOD], "DNS:mx.example,DNS:*.wild.example", 3600, ca, ca_key);
  cert[EXPIRED] = make(&key[EXPIRED], "DNS:mx.example", -60, ca, ca_key);
  cert[ALONE] = make(&key[ALONE], "DNS:mx.example", 3600, 0, 0);
  cert[ADDRESS] = make(&key[ADDRESS], "IP:192.0.2.1,IP:2001:db8::1", 3600, ca, ca_key);
  snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
  FILE *f = fopen(ca_file, "w");
  int ok = f && PEM_write_X509(f, ca);
  return fclose(f) || !ok ? -1 : 0;
}

static int leave(void **state)
{
  tls_clients_free(&all);
  for (int i = 0; i < CERTS; i++) X509_free(cert[i]), EVP_PKEY_free(key[i]);
  X509_free(ca);
  EVP_PKEY_free(ca_key);
  return rm_rf(folder);
}

static SSL_CTX *server_context(int which, int version)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_cert_and_key(ctx, cert[which], key[which], 0, 1);
  if (which != ALONE) SSL_CTX_add1_chain_cert(ctx, ca); /* DANE-TA needs it on the wire (RFC 7672 3.1.2) */
  if (version) SSL_CTX_set_max_proto_version(ctx, version);
  SSL_CTX_set_session_id_context(ctx, (unsigned char const *)"x", 1);
  return ctx;
}

/* Says hello, echoes what comes, and at the end says goodbye. */
static pid_t serve(SSL_CTX *ctx, int *fd)
{
  int s[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
  *fd = s[0];
  assert_int_equal(fcntl(s[0], F_SETFL, O_NONBLOCK), 0);
  pid_t pid = fork();
  if (pid) return close(s[1]), pid;
  close(s[0]);
  alarm(20);
  SSL *ssl = SSL_new(ctx);
  char buf[4096];
  SSL_set_fd(ssl, s[1]);
  if (SSL_accept(ssl) != 1) _exit(1);
  for (int r; (r = SSL_read(ssl, buf, sizeof buf)) > 0; ) SSL_write(ssl, buf, r);
  SSL_shutdown(ssl);
  _exit(0);
}

#endif
