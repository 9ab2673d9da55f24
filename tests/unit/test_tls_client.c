/* lib/tls/client: which certificates are good enough, by authority and by DANE, and which sessions are resumed. */
#include "tls_server.h"

/* One connection. Returns what the handshake came to; *c is closed unless `keep`. */
static enum tls_failure once(SSL_CTX *ctx, struct tls_want const *w, struct tls_found *found, char why[TLS_CLIENT_WHY])
{
  struct tls_client *c;
  int fd, status;
  char back[8];
  pid_t pid = serve(ctx, &fd);
  *why = 0;
  enum tls_failure f = tls_client_start(&c, &all, fd, w, io_now() + 10000, found, why);
  assert_true((f == TLS_FINE) == (c != 0));
  if (c) {
    int64_t until = io_now() + 10000;
    assert_int_equal(tls_client_write(c, "hello", 5, until), 5);
    assert_int_equal(tls_client_read(c, back, sizeof back, until), 5);
    assert_memory_equal(back, "hello", 5);
    assert_true(tls_client_quiet(c)); /* tickets have come along, and are no word */
  }
  tls_client_close(c);
  close(fd);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return f;
}

static struct check_case {
  int cert;
  enum tls_check check;
  int look;
  char const *names[2];
  int with_ca;
  enum tls_failure result;
  long verify;
} const checks[] = {
  { ALONE, TLS_CHECK_NONE, 0, { "other.example" }, 0, TLS_FINE, X509_V_OK },
  { EXPIRED, TLS_CHECK_NONE, 0, { 0 }, 0, TLS_FINE, X509_V_OK },
  { GOOD, TLS_CHECK_CA, 0, { "mx.example" }, 1, TLS_FINE, X509_V_OK },
  { GOOD, TLS_CHECK_CA, 0, { "a.wild.example" }, 1, TLS_FINE, X509_V_OK },
  { GOOD, TLS_CHECK_CA, 0, { "a.b.wild.example" }, 1, TLS_UNVERIFIED, X509_V_ERR_HOSTNAME_MISMATCH },
  { GOOD, TLS_CHECK_CA, 0, { "other.example", "mx.example" }, 1, TLS_FINE, X509_V_OK },
  { GOOD, TLS_CHECK_CA, 0, { "other.example" }, 1, TLS_UNVERIFIED, X509_V_ERR_HOSTNAME_MISMATCH },
  { GOOD, TLS_CHECK_CA, 0, { "cn.example" }, 1, TLS_UNVERIFIED, X509_V_ERR_HOSTNAME_MISMATCH },
  { ADDRESS, TLS_CHECK_CA, 0, { "cn.example" }, 1, TLS_UNVERIFIED, X509_V_ERR_HOSTNAME_MISMATCH },
  { EXPIRED, TLS_CHECK_CA, 0, { "mx.example" }, 1, TLS_UNVERIFIED, X509_V_ERR_CERT_HAS_EXPIRED },
  { ALONE, TLS_CHECK_CA, 0, { "mx.example" }, 1, TLS_UNVERIFIED, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT },
  { ADDRESS, TLS_CHECK_CA, 0, { "192.0.2.1" }, 1, TLS_FINE, X509_V_OK },
  { ADDRESS, TLS_CHECK_CA, 0, { "2001:db8::1" }, 1, TLS_FINE, X509_V_OK },
  { ADDRESS, TLS_CHECK_CA, 0, { "192.0.2.2" }, 1, TLS_UNVERIFIED, X509_V_ERR_IP_ADDRESS_MISMATCH },
  { GOOD, TLS_CHECK_CA, 0, { "192.0.2.1" }, 1, TLS_UNVERIFIED, X509_V_ERR_IP_ADDRESS_MISMATCH },
  { GOOD, TLS_CHECK_CA, 0, { 0 }, 1, TLS_OURS, X509_V_OK }, /* nothing to check it by */
  { GOOD, TLS_CHECK_CA, 1, { "mx.example" }, 1, TLS_FINE, X509_V_OK },
  { GOOD, TLS_CHECK_CA, 1, { "other.example" }, 1, TLS_FINE, X509_V_ERR_HOSTNAME_MISMATCH },
  { EXPIRED, TLS_CHECK_CA, 1, { "mx.example" }, 1, TLS_FINE, X509_V_ERR_CERT_HAS_EXPIRED },
  { GOOD, TLS_CHECK_DANE, 0, { "mx.example" }, 0, TLS_OURS, X509_V_OK }, /* without records: never the authorities */
};

static void by_authority(void **state)
{
  struct check_case const *k;
  int const versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
  for (int v = 0; v < 2; v++) EACH_CASE(k, checks) {
    SSL_CTX *ctx = server_context(k->cert, versions[v]);
    struct tls_want w = { .check = k->check, .only_look = k->look, .ca = k->with_ca ? ca_file : 0 };
    struct tls_found found;
    char why[TLS_CLIENT_WHY];
    while (w.names_n < 2 && k->names[w.names_n]) w.names[w.names_n] = k->names[w.names_n], w.names_n++;
    enum tls_failure f = once(ctx, &w, &found, why);
    CHECK(f == k->result && found.verify == k->verify, "case %zu: %d %ld %s", i_, f, found.verify, why);
    int good = f == TLS_FINE && found.verify == X509_V_OK;
    CHECK(found.checked == (good ? k->check : TLS_CHECK_NONE), "case %zu: %d", i_, found.checked);
    CHECK((f == TLS_FINE) == !*why && (f == TLS_FINE && !good) == !!*found.why, "case %zu: %s", i_, why);
    if (f == TLS_FINE) CHECK(!strcmp(found.version, v ? "TLSv1.3" : "TLSv1.2"), "%s", found.version);
    SSL_CTX_free(ctx);
  }
}

/* TLSA of the server's (or the authority's) public key, SHA-256; `flip` spoils it. */
static struct tls_tlsa record(unsigned char sum[32], int usage, X509 *x, int flip)
{
  unsigned n;
  assert_true(X509_pubkey_digest(x, EVP_sha256(), sum, &n));
  unsigned char *der = 0;
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der); /* the whole SubjectPublicKeyInfo (RFC 6698 2.1.2) */
  assert_true(EVP_Digest(der, (size_t)len, sum, &n, EVP_sha256(), 0));
  OPENSSL_free(der);
  sum[0] ^= flip;
  return (struct tls_tlsa){ .usage = usage, .selector = 1, .matching = 1, .len = 32, .data = sum };
}

static struct dane_case { int cert, usage, of_ca, flip; char const *name; enum tls_failure result; } const danes[] = {
  { GOOD, 3, 0, 0, "mx.example", TLS_FINE }, { GOOD, 3, 0, 1, "mx.example", TLS_UNVERIFIED },
  { ALONE, 3, 0, 0, "other.example", TLS_FINE }, { EXPIRED, 3, 0, 0, "mx.example", TLS_FINE }, /* RFC 7672 3.1.1 */
  { GOOD, 2, 1, 0, "mx.example", TLS_FINE }, { GOOD, 2, 1, 0, "other.example", TLS_UNVERIFIED },
  { GOOD, 2, 1, 1, "mx.example", TLS_UNVERIFIED }, { EXPIRED, 2, 1, 0, "mx.example", TLS_UNVERIFIED },
  { GOOD, 3, 1, 0, "mx.example", TLS_UNVERIFIED }, { GOOD, 1, 0, 0, "mx.example", TLS_OURS },
};

static void by_dane(void **state)
{
  struct dane_case const *k;
  EACH_CASE(k, danes) {
    unsigned char sum[32];
    struct tls_tlsa r = record(sum, k->usage, k->of_ca ? ca : cert[k->cert], k->flip);
    struct tls_want w = { .check = TLS_CHECK_DANE, .names = { k->name }, .names_n = 1, .tlsa = &r, .tlsa_n = 1 };
    struct tls_found found;
    char why[TLS_CLIENT_WHY];
    SSL_CTX *ctx = server_context(k->cert, 0);
    enum tls_failure f = once(ctx, &w, &found, why);
    CHECK(f == k->result, "case %zu: %d %s", i_, f, why);
    CHECK(found.checked == (f == TLS_FINE ? TLS_CHECK_DANE : TLS_CHECK_NONE), "case %zu", i_);
    SSL_CTX_free(ctx);
  }
}

static void usable(void **state)
{
  unsigned char sum[64] = { 0 }, *der = 0;
  int len = i2d_X509(cert[GOOD], &der);
  struct { struct tls_tlsa r; int want; } const cases[] = {
    { { 3, 1, 1, 32, sum }, 1 }, { { 2, 0, 2, 64, sum }, 1 }, { { 3, 1, 1, 31, sum }, 0 }, { { 3, 1, 2, 32, sum }, 0 },
    { { 0, 1, 1, 32, sum }, 0 }, { { 1, 1, 1, 32, sum }, 0 }, { { 4, 1, 1, 32, sum }, 0 }, { { 3, 2, 1, 32, sum }, 0 },
    { { 3, 1, 3, 32, sum }, 0 }, { { 3, 0, 0, 0, sum }, 0 }, { { 3, 0, 0, 64, sum }, 0 },
    { { 2, 0, 0, (uint16_t)len, der }, 1 }, { { 2, 0, 0, (uint16_t)(len - 1), der }, 0 },
    { { 3, 1, 0, (uint16_t)len, der }, 0 },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK(tls_tlsa_usable(&cases[i].r) == cases[i].want, "case %zu", i);
  OPENSSL_free(der);
}

/* A session carries over what was verified: only to who demands just that, of the same server. */
static void resumed(void **state)
{
  int const versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
  for (int v = 0; v < 2; v++) {
    SSL_CTX *good = server_context(GOOD, versions[v]);
    struct tls_want loose = { .peer = "192.0.2.9:25" }, strict = { .peer = "192.0.2.9:25", .check = TLS_CHECK_CA,
      .names = { "mx.example" }, .names_n = 1, .ca = ca_file }, wrong = strict, elsewhere = strict, unkept = strict;
    struct tls_found f;
    char why[TLS_CLIENT_WHY];
    wrong.names[0] = "other.example";
    elsewhere.peer = "192.0.2.8:25";
    unkept.peer = 0;
    tls_clients_free(&all);
    assert_true(once(good, &loose, &f, why) == TLS_FINE && !f.resumed);
    assert_true(once(good, &loose, &f, why) == TLS_FINE && f.resumed && f.checked == TLS_CHECK_NONE);
    assert_true(once(good, &wrong, &f, why) == TLS_UNVERIFIED);
    assert_true(once(good, &strict, &f, why) == TLS_FINE && !f.resumed);
    for (int i = 0; i < 3; i++)
      assert_true(once(good, &strict, &f, why) == TLS_FINE && f.resumed && f.checked == TLS_CHECK_CA);
    assert_true(once(good, &wrong, &f, why) == TLS_UNVERIFIED);
    assert_true(once(good, &elsewhere, &f, why) == TLS_FINE && !f.resumed);
    assert_true(once(good, &unkept, &f, why) == TLS_FINE && !f.resumed);
    SSL_CTX_free(good);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(by_authority), cmocka_unit_test(by_dane), cmocka_unit_test(usable), cmocka_unit_test(resumed),
  };
  return cmocka_run_group_tests(tests, enter, leave);
}
