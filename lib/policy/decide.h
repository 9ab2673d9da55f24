/* The relay decision: facts in, verdict, reason and record out. No I/O but look-ups in the mapped tables, no globals; the one
 * function that relay-smtpd and the tools ask. The order is relaying.md's. */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "parse/address.h"
#include "parse/ip.h"
#include "table/table.h"

struct facts {
  struct ip client;              /* who connects; len 0 when unknown (a pipe) */
  char const *listener;          /* the listener's name, "" for the plain one */
  unsigned trusted : 1;          /* the gate set RELAYCLIENT */
  struct { char const *file; uint32_t line; } trusted_by; /* the rule that did, if known (file null: the environment) */
  char const *login;             /* who logged in; null: nobody */
  unsigned login_may_relay : 1;  /* the login has the privilege */
  char const *stamp;             /* the user of a fresh POP stamp; null: none */
  unsigned tls : 1;              /* the session is under TLS */
  struct address const *sender;
  struct address const *recipient;
};

enum verdict { VERDICT_ACCEPT, VERDICT_REFUSE, VERDICT_TEMPFAIL };

/* X(name, word): the closed list of reasons; the word is what log line and trace header say */
#define REASONS(X) \
  X(REASON_HOSTED, "hosted")         /* accept: the domain is ours */ \
  X(REASON_CLIENT, "client")         /* accept: grant clients, and the gate trusts the address */ \
  X(REASON_LOGIN, "login")           /* accept: grant login */ \
  X(REASON_NOT_GRANTED, "relaying-denied") /* refuse 550 5.7.1 */ \
  X(REASON_ONWARD, "onward-routing") /* refuse 553 5.1.3: % ! @ in the local part */ \
  X(REASON_LITERAL, "address-literal") /* refuse 550 5.7.1: a literal that isn't listed, nobody may relay to literals */ \
  X(REASON_NO_PRIVILEGE, "no-privilege") /* refuse 550 5.7.1: logged in, but the login may not relay */ \
  X(REASON_TABLES, "no-rules")       /* tempfail 451 4.3.5: no tables, or corrupt ones */

enum reason {
#define X(name, word) name,
  REASONS(X)
#undef X
  REASON_COUNT
};

/* How the message stands to us (relaying.md, Words): hosted sender and trusted client, hosted sender and stranger, other sender. */
enum origin { ORIGIN_LOCAL, ORIGIN_CLAIMED, ORIGIN_EXTERNAL };

struct decision {
  enum verdict verdict;
  enum reason reason;
  enum origin origin;
  struct record record;  /* the line that decided; line 0: no line did (the default) */
};

/* Decides one recipient. t may be null (REASON_TABLES). */
void decide(struct decision *d, struct table_set const *t, struct facts const *f);

/* Is this canonical domain (or literal) hosted? 1 with its record, 0, or -1 corrupt. */
int decide_hosted(struct table_set const *t, char const *domain, struct record *r);

char const *reason_word(enum reason r);
char const *origin_word(enum origin o);

#endif
