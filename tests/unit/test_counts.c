/* What TLS sessions came to: what is counted as what, and the line that tells. */
#include <fcntl.h>
#include <unistd.h>
#include <skalibs/strerr.h>
#include <openssl/x509_vfy.h>
#include "unit.h"
#include "base/io.h"
#include "remote/counts.h"

static char said[4096];

/* What counts_log writes to descriptor 2, also in `said`. */
static char const *logged(struct counts *c, int due)
{
  int p[2], two = dup(2);
  assert_true(two >= 0 && pipe(p) == 0);
  dup2(p[1], 2);
  counts_log(c, "y.example", due);
  dup2(two, 2);
  close(two);
  close(p[1]);
  ssize_t n = read(p[0], said, sizeof said - 1);
  assert_true(n >= 0);
  said[n] = 0;
  close(p[0]);
  return said;
}

#define SAYS(policy, rest) "event=tls-report domain=y.example policy=" policy " " rest "\n"

/* One session: who demanded what, and how it ended. */
static void sessions(void **state)
{
  static struct {
    enum secure_state state;
    long verify;
    enum tls_source source;
    enum tls_level level;
    enum tls_check check;
    unsigned trial : 1;
    char const *line;
  } const cases[] = {
    { SECURE_DONE, X509_V_OK, TLS_BY_STS, TLS_VERIFY, TLS_CHECK_CA, 0, SAYS("sts", "success=1 failure=0") },
    { SECURE_DONE, X509_V_OK, TLS_BY_DANE, TLS_VERIFY, TLS_CHECK_DANE, 0, SAYS("tlsa", "success=1 failure=0") },
    { SECURE_DONE, X509_V_OK, TLS_BY_STS, TLS_MAY, TLS_CHECK_NONE, 1, SAYS("sts", "success=1 failure=0") },
    { SECURE_DONE, X509_V_ERR_HOSTNAME_MISMATCH, TLS_BY_STS, TLS_MAY, TLS_CHECK_NONE, 1,
      SAYS("sts", "success=0 failure=1 certificate-host-mismatch=1") },
    /* nobody asked, or it says nothing */
    { SECURE_DONE, X509_V_OK, TLS_BY_ROUTE, TLS_VERIFY, TLS_CHECK_CA, 0, "" },
    { SECURE_HANDSHAKE, X509_V_OK, TLS_BY_DEFAULT, TLS_MAY, TLS_CHECK_NONE, 0, "" },
    { SECURE_CLEARTEXT, X509_V_OK, TLS_BY_STS, TLS_VERIFY, TLS_CHECK_CA, 0, "" },
    { SECURE_OURS, X509_V_OK, TLS_BY_DANE, TLS_VERIFY, TLS_CHECK_DANE, 0, "" },
    /* records that none can check: counted when they were found */
    { SECURE_DONE, X509_V_OK, TLS_BY_DANE, TLS_REQUIRED, TLS_CHECK_NONE, 0, "" },
    { SECURE_NOT_OFFERED, X509_V_OK, TLS_BY_DANE, TLS_REQUIRED, TLS_CHECK_NONE, 0, "" },
    /* without a certificate */
    { SECURE_NOT_OFFERED, X509_V_OK, TLS_BY_DANE, TLS_VERIFY, TLS_CHECK_DANE, 0,
      SAYS("tlsa", "success=0 failure=1 starttls-not-supported=1") },
    { SECURE_REFUSED, X509_V_OK, TLS_BY_STS, TLS_MAY, TLS_CHECK_NONE, 1,
      SAYS("sts", "success=0 failure=1 starttls-not-supported=1") },
    { SECURE_HANDSHAKE, X509_V_OK, TLS_BY_STS, TLS_VERIFY, TLS_CHECK_CA, 0,
      SAYS("sts", "success=0 failure=1 validation-failure=1") },
    { SECURE_INJECTED, X509_V_OK, TLS_BY_DANE, TLS_VERIFY, TLS_CHECK_DANE, 0,
      SAYS("tlsa", "success=0 failure=1 validation-failure=1") },
  }, *c;
  (void)state;
  EACH_CASE(c, cases) {
    static struct secure s;
    static struct tls_demand d;
    struct counts counts = { .since = 0 };
    s.state = c->state;
    s.found.verify = c->verify;
    d = (struct tls_demand){ .source = c->source, .level = c->level, .check = c->check, .trial = c->trial };
    counts_session(&counts, &s, &d);
    CHECK(!strcmp(logged(&counts, 0), c->line), "state %d by %d: %s", c->state, c->source, said);
    assert_string_equal(logged(&counts, 0), ""); /* empty again */
  }
}

static void certificates(void **state)
{
  static struct { long verify; char const *word; } const cases[] = {
    { X509_V_ERR_HOSTNAME_MISMATCH, "certificate-host-mismatch" },
    { X509_V_ERR_IP_ADDRESS_MISMATCH, "certificate-host-mismatch" },
    { X509_V_ERR_CERT_HAS_EXPIRED, "certificate-expired" },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "certificate-not-trusted" },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "certificate-not-trusted" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "certificate-not-trusted" },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "certificate-not-trusted" },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "certificate-not-trusted" },
    { X509_V_ERR_CERT_UNTRUSTED, "certificate-not-trusted" }, { X509_V_ERR_CERT_REJECTED, "certificate-not-trusted" },
    { X509_V_ERR_CERT_NOT_YET_VALID, "validation-failure" }, { X509_V_ERR_DANE_NO_MATCH, "validation-failure" },
    { X509_V_ERR_CERT_REVOKED, "validation-failure" }, { X509_V_ERR_INVALID_PURPOSE, "validation-failure" },
  }, *c;
  (void)state;
  EACH_CASE(c, cases) {
    static struct secure s;
    static struct tls_demand const d = { .source = TLS_BY_STS, .level = TLS_VERIFY, .check = TLS_CHECK_CA };
    struct counts counts = { .since = 0 };
    char line[200];
    s.state = SECURE_UNVERIFIED;
    s.found.verify = c->verify;
    counts_session(&counts, &s, &d);
    snprintf(line, sizeof line, SAYS("sts", "success=0 failure=1 %s=1"), c->word);
    CHECK(!strcmp(logged(&counts, 0), line), "%ld: %s", c->verify, said);
  }
}

static void fetches(void **state)
{
  static struct { enum sts_fetched how; char const *line; } const cases[] = {
    { STS_FETCHED, "" }, { STS_OURS, "" },
    { STS_INVALID, SAYS("sts", "success=0 failure=1 sts-policy-invalid=1") },
    { STS_UNTRUSTED, SAYS("sts", "success=0 failure=1 sts-webpki-invalid=1") },
    { STS_NOT_FETCHED, SAYS("sts", "success=0 failure=1 sts-policy-fetch-error=1") },
  }, *c;
  (void)state;
  EACH_CASE(c, cases) {
    struct counts counts = { .since = 0 };
    counts_fetch(&counts, c->how);
    CHECK(!strcmp(logged(&counts, 0), c->line), "%d: %s", c->how, said);
  }
}

/* Both policies have their line, at the end and when the hour is over. */
static void each_hour(void **state)
{
  static struct secure s = { .state = SECURE_DONE };
  static struct tls_demand const d = { .source = TLS_BY_STS, .level = TLS_VERIFY, .check = TLS_CHECK_CA };
  struct counts counts = { .since = 0 };
  (void)state;
  assert_string_equal(logged(&counts, 0), "");
  counts_failure(&counts, TLS_BY_ROUTE, COUNTS_OTHER);
  assert_string_equal(logged(&counts, 0), "");
  counts_failure(&counts, TLS_BY_DANE, COUNTS_TLSA);
  for (int i = 0; i < 2; i++) counts_failure(&counts, TLS_BY_DANE, COUNTS_DNSSEC);
  for (int i = 0; i < 3; i++) counts_session(&counts, &s, &d);
  int64_t first = counts.since;
  assert_true(first > 0 && first <= io_now());
  counts.since = io_now() - COUNTS_TIME * 1000 + 60000; /* not yet */
  assert_string_equal(logged(&counts, 1), "");
  counts.since = io_now() - COUNTS_TIME * 1000;
  assert_string_equal(logged(&counts, 1), SAYS("tlsa", "success=0 failure=3 dnssec-invalid=2 tlsa-invalid=1")
    SAYS("sts", "success=3 failure=0"));
  counts_session(&counts, &s, &d); /* a new hour */
  assert_true(counts.since >= first);
  assert_string_equal(logged(&counts, 1), "");
  assert_string_equal(logged(&counts, 0), SAYS("sts", "success=1 failure=0"));
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(sessions), cmocka_unit_test(certificates), cmocka_unit_test(fetches), cmocka_unit_test(each_hour),
  };
  PROG = 0;
  return cmocka_run_group_tests(tests, 0, 0);
}
