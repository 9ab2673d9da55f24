/* What is told about a TLS connection. */
#include <stdio.h>
#include <string.h>
#include <openssl/x509v3.h>
#include "tls/describe.h"
#include "ucspi/vars.h"

#define MOST_NAMES 20 /* alternative names of a kind that are told */
#define MOST_NAME 512 /* bytes of a value out of a certificate */

/* Appends one variable, if its value can be told. */
static int put(stralloc *out, char const *name, char const *value, size_t len)
{
  if (!value || len > MOST_NAME) return 1;
  for (size_t i = 0; i < len; i++) if ((unsigned char)value[i] < ' ' || value[i] == 127) return 1;
  if (out->len + strlen(name) + len + 3 > UCSPI_VARS) return 1;
  return stralloc_cats(out, name) && stralloc_catb(out, "=", 1) && stralloc_catb(out, value, len) && stralloc_0(out);
}

static int puts_(stralloc *out, char const *name, char const *value)
{
  return put(out, name, value, value ? strlen(value) : 0);
}

static int put_number(stralloc *out, char const *name, int n)
{
  char s[16];
  snprintf(s, sizeof s, "%d", n);
  return puts_(out, name, s);
}

/* A whole name, as RFC 2253 writes it: controls and what is not ASCII come out as escapes. */
static int put_dn(stralloc *out, char const *name, X509_NAME const *dn)
{
  char *s;
  BIO *b = BIO_new(BIO_s_mem());
  if (!b) return 0;
  int ok = X509_NAME_print_ex(b, dn, 0, XN_FLAG_RFC2253) < 0;
  long n = BIO_get_mem_data(b, &s);
  ok = ok || put(out, name, s, (size_t)n);
  BIO_free(b);
  return ok;
}

/* The common name, if there is one alone: of several nobody knows which one the authority has looked at. */
static int put_cn(stralloc *out, char const *name, X509_NAME const *dn)
{
  int at = X509_NAME_get_index_by_NID(dn, NID_commonName, -1);
  unsigned char *s;
  if (at < 0 || X509_NAME_get_index_by_NID(dn, NID_commonName, at) >= 0) return 1;
  int n = ASN1_STRING_to_UTF8(&s, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(dn, at)));
  if (n < 0) return 1;
  int ok = put(out, name, (char const *)s, (size_t)n);
  OPENSSL_free(s);
  return ok;
}

static int put_names(stralloc *out, X509 *x)
{
  char name[64];
  int emails = 0, hosts = 0, ok = 1;
  GENERAL_NAMES *list = X509_get_ext_d2i(x, NID_subject_alt_name, 0, 0);
  for (int i = 0; ok && i < sk_GENERAL_NAME_num(list); i++) {
    GENERAL_NAME const *g = sk_GENERAL_NAME_value(list, i);
    if (g->type == GEN_EMAIL && emails < MOST_NAMES) snprintf(name, sizeof name, "SSL_CLIENT_SAN_Email_%d", emails++);
    else if (g->type == GEN_DNS && hosts < MOST_NAMES) snprintf(name, sizeof name, "SSL_CLIENT_SAN_DNS_%d", hosts++);
    else continue;
    ok = put(out, name, (char const *)ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5));
  }
  GENERAL_NAMES_free(list);
  return ok;
}

static int put_serial(stralloc *out, X509 *x)
{
  BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), 0);
  char *s = n ? BN_bn2hex(n) : 0;
  int ok = puts_(out, "SSL_CLIENT_M_SERIAL", s);
  OPENSSL_free(s);
  BN_free(n);
  return ok;
}

static int put_client(stralloc *out, SSL *ssl)
{
  char verdict[160] = "SUCCESS";
  X509 *x = SSL_get0_peer_certificate(ssl);
  long result = SSL_get_verify_result(ssl);
  if (!x) return puts_(out, "SSL_CLIENT_VERIFY", "NONE");
  if (result != X509_V_OK) {
    snprintf(verdict, sizeof verdict, "FAILED:%s", X509_verify_cert_error_string(result));
    return puts_(out, "SSL_CLIENT_VERIFY", verdict);
  }
  return puts_(out, "SSL_CLIENT_VERIFY", verdict) && put_dn(out, "SSL_CLIENT_S_DN", X509_get_subject_name(x))
    && put_cn(out, "SSL_CLIENT_S_DN_CN", X509_get_subject_name(x))
    && put_dn(out, "SSL_CLIENT_I_DN", X509_get_issuer_name(x)) && put_serial(out, x) && put_names(out, x);
}

/* A name that the client says is a host's, or nothing. */
static char const *host(char const *s)
{
  return s && *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] ? s : 0;
}

int describe(stralloc *out, SSL *ssl)
{
  int alg = 0, use = SSL_CIPHER_get_bits(SSL_get_current_cipher(ssl), &alg);
  return puts_(out, "SSL_PROTOCOL", SSL_get_version(ssl)) && puts_(out, "SSL_CIPHER", SSL_get_cipher_name(ssl))
    && put_number(out, "SSL_CIPHER_USEKEYSIZE", use) && put_number(out, "SSL_CIPHER_ALGKEYSIZE", alg)
    && puts_(out, "SSL_CIPHER_EXPORT", "false") && puts_(out, "SSL_COMPRESS_METHOD", "NULL")
    && puts_(out, "SSL_SESSION_RESUMED", SSL_session_reused(ssl) ? "Resumed" : "Initial")
    && puts_(out, "SSL_TLS_SNI", host(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)))
    && put_client(out, ssl) && stralloc_0(out);
}
