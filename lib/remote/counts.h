/* What TLS sessions came to, counted in the words of RFC 8460 (TLSRPT), for the log: one line for each policy. */
#ifndef REMOTE_COUNTS_H
#define REMOTE_COUNTS_H

#include <stdint.h>
#include "remote/secure.h"
#include "sts/cache.h"

#define COUNTS_TIME 3600 /* seconds after which a process that lives on tells */

/* X(C name, word): 4.3.1 and 4.3.2 */
#define COUNTS_RESULTS(X) \
  X(NO_STARTTLS, "starttls-not-supported") X(MISMATCH, "certificate-host-mismatch") X(EXPIRED, "certificate-expired") \
  X(UNTRUSTED, "certificate-not-trusted") X(OTHER, "validation-failure") X(STS_FETCH, "sts-policy-fetch-error") \
  X(STS_POLICY, "sts-policy-invalid") X(STS_WEBPKI, "sts-webpki-invalid") \
  X(DNSSEC, "dnssec-invalid") X(TLSA, "tlsa-invalid")

enum counts_result {
#define X(c, word) COUNTS_##c,
  COUNTS_RESULTS(X)
#undef X
  COUNTS_N
};

struct counts_of {
  unsigned success, failure;
  unsigned by[COUNTS_N];
};

struct counts {
  struct counts_of dane, sts;
  int64_t since;              /* of the first that is in them, io_now's clock; 0: they are empty */
};

/* Counts the session that s has just seen, or its failure, if DANE or MTA-STS had a word in it. A connection that came
 * to no TLS, without a failure of it, counts for nothing, nor does one with TLSA records that none can check: these are
 * a failure of their own. */
void counts_session(struct counts *c, struct secure const *s, struct tls_demand const *d);

/* Counts a failure that made no session. */
void counts_failure(struct counts *c, enum tls_source source, enum counts_result r);

/* Counts what fetching a policy came to, if it failed, and not on our side. */
void counts_fetch(struct counts *c, enum sts_fetched how);

/* Logs them, event=tls-report, and empties them: if there are any, and with `due` only when COUNTS_TIME is over. */
void counts_log(struct counts *c, char const *domain, int due);

#endif
