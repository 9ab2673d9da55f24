/* Delivery to one next hop: finds it, connects, sends, keeps the connection for the next message. */
#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include "dns/resolver.h"
#include "dns/self.h"
#include "remote/counts.h"
#include "remote/dane.h"
#include "remote/login.h"
#include "remote/refusals.h"
#include "remote/secure.h"
#include "remote/sts.h"
#include "remote/targets.h"
#include "smtp/client_hello.h"
#include "smtp/client_send.h"
#include "smtp/client_verify.h"

#define REMOTE_REUSE 300 /* seconds after which a kept connection gets no new message: the DNS may have changed */

struct remote {
  char me[DOMAIN_TEXT];      /* our name, canonical */
  struct route route;
  struct resolver dns;
  struct self self;
  struct targets targets;
  struct dane dane;
  struct client client;
  struct secure secure;      /* TLS of `client`, or of the last one tried */
  struct remote_sts sts;     /* MTA-STS; without it unless remote_sts_open follows remote_open */
  struct counts counts;      /* what TLS came to; whoever logs it empties it */
  int64_t since;             /* when the connection was made, io_now's clock */
  unsigned met : 1;          /* a server that takes mail from us, but for a login, had to do with the message at hand */
  struct table_set *logins;  /* null: none, or they can't be read */
  int logins_error;          /* why, as an errno value; 0: there are none */
  struct refusals refusals;
  struct login const *login; /* for the message at hand; null: none */
  unsigned login_failed : 1; /* the last try to connect came to nothing for want of it */
  uint32_t logged_in;        /* the line of `logins` by which we logged in on the connection; 0: none */
};

/* Makes all ready but the route, which is the caller's to set. `rules`: rules.cdb, for our name; null counts as one
 * without it. `server`: $DNSCACHEIP or null, trust: as resolver_init has it. patience: seconds that no wait exceeds, 0:
 * as the RFC has it. Returns null, or what went wrong in words (static). On null remote_close undoes it. */
char const *remote_open(struct remote *rm, struct table_set const *rules, char const *server, int trust,
  unsigned patience);

/* Opens logins.cdb, closed by remote_close: `path`, or if that is null the one beside `rules`, a path of rules.cdb.
 * That there is none beside the rules is no mistake. One that this process may not read (EACCES) matters at next hops
 * that offer logins: there nothing is delivered, and a recipient's refusal not believed. One that is broken, or a
 * `path` where there is none, keeps all mail that goes by a relay of `routes`. memory: a file of slots, the caller's,
 * in which logins that were refused are known (remote/refusals.h), or -1. */
void remote_logins(struct remote *rm, char const *path, char const *rules, int memory);

/* Delivers one message; the report (which is empty) gets all of qmail-remote's report. Connects if there is no
 * connection, or one older than REMOTE_REUSE or with another login, and once more when a kept one turns out to be
 * dead. */
void remote_deliver(struct remote *rm, struct client_message const *m, struct client_report *report);

/* Asks the next hop whether it takes a recipient (smtp/client_verify.h; never CLIENT_GONE), until `deadline` (io_now's
 * clock). Connects as remote_deliver does. */
enum client_verified remote_verify(struct remote *rm, char const *address, int64_t deadline,
  char text[CLIENT_VERIFY_TEXT]);

/* Says QUIT to a kept connection. */
void remote_hang_up(struct remote *rm);
/* The same without waiting for the answer. */
void remote_leave(struct remote *rm);

void remote_close(struct remote *rm);

#endif
