/* TLS for one connection of relay-remote: STARTTLS or TLS at once, the handshake, and what a failure of it means.
 *
 * Where the demands come from: remote.c fills struct tls_demand for each target, first by the route (demand_by_route),
 * then by DANE (remote/dane.h), then, when both leave it open, by MTA-STS, each of which may raise the level or strike
 * the target out. What happens then is here alone. */
#ifndef REMOTE_SECURE_H
#define REMOTE_SECURE_H

#include "remote/demand.h"
#include "smtp/client_hello.h"
#include "smtp/client_report.h"

#define SECURE_CLEAR 8         /* servers whose TLS failed, remembered so long: no try meanwhile */
#define SECURE_CLEAR_TIME 300
#define SECURE_WHY 560      /* bytes with the NUL: a whole reply and some words */

/* Of one connection, for reports and counts (RFC 8460 4.3). */
enum secure_state {
  SECURE_CLEARTEXT,      /* none was asked for, or not again after a failure: `why` has that */
  SECURE_DONE,           /* under TLS: `found` says what came of it */
  SECURE_NOT_OFFERED,    /* starttls-not-supported */
  SECURE_REFUSED,        /* STARTTLS was answered by a refusal */
  SECURE_HANDSHAKE,      /* failed; also when the server hung up or kept silent */
  SECURE_UNVERIFIED,     /* the certificate: found.verify says why */
  SECURE_INJECTED,       /* somebody in between: never in the clear afterwards */
  SECURE_OURS,           /* our own side */
};

struct secure {
  struct tls_clients clients;
  /* of the current connection, or of the one that failed last */
  enum secure_state state;
  enum tls_source source;
  struct tls_found found;
  char text[256];        /* "TLSv1.3 TLS_AES_256_GCM_SHA384 ca": version, cipher, and by what it was verified: none, ca,
                            dane, sts; "" in the clear */
  char why[SECURE_WHY];  /* why it failed, or why the connection is in the clear; to go behind the server's name, mostly
                            with an enhanced code at the end. Printable ASCII but for what the server said */
  /* servers without TLS that works */
  struct secure_clear { struct ip ip; uint16_t port; int64_t until; char why[SECURE_WHY]; } clear[SECURE_CLEAR];
  unsigned next;
};

enum secure_next {
  SECURE_READY,   /* go on */
  SECURE_AGAIN,   /* connect to the same server once more: it will be in the clear */
  SECURE_NEXT,    /* not this one: s->why says why, a temporary failure */
};

/* Before the greeting: forgets the last connection, and with d->now makes the handshake. Never AGAIN. */
enum secure_next secure_connected(struct secure *s, struct client *c, struct tls_demand const *d,
  struct target const *t);

/* After client_hello was READY: STARTTLS if d asks for it and the server offers it, and the handshake. When s->state is
 * SECURE_DONE the caller says client_hello_again, and tells secure_broken when that fails. On AGAIN and NEXT the
 * connection is closed, or to be closed. */
enum secure_next secure_offered(struct secure *s, struct client *c, struct tls_demand const *d,
  struct target const *t);

/* The first words under TLS (client_hello with d->now, client_hello_again) came to nothing: AGAIN, or NEXT with `why`
 * by c->trouble. */
enum secure_next secure_broken(struct secure *s, struct client *c, struct tls_demand const *d,
  struct target const *t);

/* Appends what queue/job.h has for TLS of the last connection. */
void secure_report(struct secure const *s, struct client_report *report);

void secure_free(struct secure *s);

#endif
