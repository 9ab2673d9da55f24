/* What TLS a target must have: by the route, by DANE, by MTA-STS. */
#ifndef REMOTE_DEMAND_H
#define REMOTE_DEMAND_H

#include "parse/domain.h"
#include "parse/ip.h"
#include "policy/route.h"
#include "remote/failure.h"
#include "remote/targets.h"
#include "tls/client.h"

enum tls_level { /* the later, the more is demanded */
  TLS_NEVER,
  TLS_MAY,       /* when it can be had; when anything about it fails, the same server again in the clear */
  TLS_REQUIRED,  /* never in the clear; any certificate */
  TLS_VERIFY,    /* and a certificate that stands `check` */
};

enum tls_source { TLS_BY_DEFAULT, TLS_BY_ROUTE, TLS_BY_DANE, TLS_BY_STS };

/* What is demanded of one target. Plain data: may be copied while what it points to lives. */
struct tls_demand {
  enum tls_level level;
  enum tls_source source;       /* who demanded it */
  unsigned now : 1;             /* TLS from the first byte, no STARTTLS */
  unsigned trial : 1;           /* below VERIFY: check CA and names all the same, and only tell (MTA-STS testing) */
  enum tls_check check;         /* VERIFY, or trial: CA or DANE */
  char names[TLS_CLIENT_NAMES][DOMAIN_TEXT]; /* the certificate must have one of them; the first is asked for (SNI).
                                   Canonical, or one address alone. By the route there is always one */
  unsigned names_n;
  char const *ca;               /* null: the system's. The route's, where it names a file */
  struct tls_tlsa tlsa[TLS_CLIENT_TLSA]; /* check DANE: usable ones alone */
  unsigned tlsa_n;
};

/* Has the route said all that counts: tls=none, or tls=verify with name= or ca=? Then neither DANE nor MTA-STS is
 * asked for. */
int demand_told(struct route const *r);

/* What the route alone demands of a target. */
void demand_by_route(struct tls_demand *d, struct route const *r, struct target const *t);

/* Adds a name of which the certificate may have one; more than fit, and "", are ignored. */
void demand_name(struct tls_demand *d, char const *name);

/* "default", "routes", "dane", "sts". Static. */
char const *demand_source(enum tls_source s);

#endif
