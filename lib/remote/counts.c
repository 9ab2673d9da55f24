/* What TLS sessions came to. */
#include <openssl/x509_vfy.h>
#include "base/io.h"
#include "base/log.h"
#include "remote/counts.h"

static char const *const words[] = {
#define X(c, word) word,
  COUNTS_RESULTS(X)
#undef X
};

static struct counts_of *of(struct counts *c, enum tls_source source)
{
  return source == TLS_BY_DANE ? &c->dane : source == TLS_BY_STS ? &c->sts : 0;
}

static void start(struct counts *c)
{
  if (!c->since) c->since = io_now();
}

void counts_failure(struct counts *c, enum tls_source source, enum counts_result r)
{
  struct counts_of *o = of(c, source);
  if (!o) return;
  start(c);
  o->failure++;
  o->by[r]++;
}

void counts_fetch(struct counts *c, enum sts_fetched how)
{
  if (how == STS_FETCHED || how == STS_OURS) return;
  counts_failure(c, TLS_BY_STS, how == STS_INVALID ? COUNTS_STS_POLICY : how == STS_UNTRUSTED ? COUNTS_STS_WEBPKI
    : COUNTS_STS_FETCH);
}

static enum counts_result result_of(long verify)
{
  switch (verify) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return COUNTS_MISMATCH;
    case X509_V_ERR_CERT_HAS_EXPIRED: return COUNTS_EXPIRED;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED: return COUNTS_UNTRUSTED;
    default: return COUNTS_OTHER;
  }
}

void counts_session(struct counts *c, struct secure const *s, struct tls_demand const *d)
{
  struct counts_of *o = of(c, d->source);
  if (!o || (d->source == TLS_BY_DANE && d->check != TLS_CHECK_DANE)) return;
  switch (s->state) {
    case SECURE_CLEARTEXT:
    case SECURE_OURS: return;
    case SECURE_DONE:
      if (d->trial && s->found.verify != X509_V_OK) break;
      start(c);
      o->success++;
      return;
    case SECURE_NOT_OFFERED:
    case SECURE_REFUSED: return counts_failure(c, d->source, COUNTS_NO_STARTTLS);
    case SECURE_UNVERIFIED: break;
    default: return counts_failure(c, d->source, COUNTS_OTHER);
  }
  counts_failure(c, d->source, result_of(s->found.verify));
}

static void log_one(struct counts_of const *o, char const *domain, char const *policy)
{
  struct log_line l;
  if (!o->success && !o->failure) return;
  log_start(&l, "tls-report");
  log_str(&l, "domain", domain);
  log_str(&l, "policy", policy);
  log_num(&l, "success", o->success);
  log_num(&l, "failure", o->failure);
  for (unsigned i = 0; i < COUNTS_N; i++) if (o->by[i]) log_num(&l, words[i], o->by[i]);
  log_end(&l);
}

void counts_log(struct counts *c, char const *domain, int due)
{
  if (!c->since || (due && io_now() - c->since < COUNTS_TIME * 1000)) return;
  log_one(&c->dane, domain, "tlsa");
  log_one(&c->sts, domain, "sts");
  *c = (struct counts){ .since = 0 };
}
