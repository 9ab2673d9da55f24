/* The relay decision: facts in, verdict, reason and record out. No I/O but look-ups in the mapped tables, no globals;
 * the one function that relay-smtpd and the tools ask. The order:
 *
 *   1. A local part that could route once more (% ! @, or one that needs its quotes) is refused, hosted domain or not.
 *   2. A hosted domain is accepted; postmaster without a domain is ours (RFC 5321 4.5.1). An address literal is hosted
 *      only if listed.
 *   3. Anything else is relaying and needs a grant that holds; of several the first line gives the reason. `grant
 *      clients` wants a trusted client, `grant login` a login with the privilege. Literals need a grant like names: a
 *      trusted client may send to user@[192.0.2.1], a stranger may not.
 *   4. Otherwise it is refused. Nothing that a stranger chooses (sender, HELO, local part) grants anything. */
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
  struct address const *sender;  /* null or "": the null sender */
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
  X(REASON_LITERAL, "address-literal") /* refuse 550 5.7.1: a literal that isn't listed, and no grant holds */ \
  X(REASON_NO_PRIVILEGE, "no-privilege") /* refuse 550 5.7.1: logged in, but the login may not relay */ \
  X(REASON_TABLES, "no-rules")       /* tempfail 451 4.3.5: no tables, or corrupt ones */

enum reason {
#define X(name, word) name,
  REASONS(X)
#undef X
  REASON_COUNT
};

/* How the message stands to us: hosted sender and trusted client (gate, login or stamp), hosted sender and stranger,
 * other sender. The null sender is no hosted sender. */
enum origin { ORIGIN_LOCAL, ORIGIN_CLAIMED, ORIGIN_EXTERNAL };

struct decision {
  enum verdict verdict;
  enum reason reason;
  enum origin origin;
  struct record record;  /* the line that decided: of `domains` (REASON_HOSTED; of `me`: postmaster without a domain) or
                            the grant in `relay` (which rule trusts the client is in the facts); line 0: none did */
};

/* Decides one recipient; its address comes from address_path or address_mailbox. t may be null (REASON_TABLES). */
void decide(struct decision *d, struct table_set const *t, struct facts const *f);

/* Is this canonical domain (or literal) hosted? Asks for the domain itself, then its suffixes (`.example.com`, which
 * does not hold for example.com). 1 with its record, 0, or -1 corrupt. */
int decide_hosted(struct table_set const *t, char const *domain, struct record *r);

char const *reason_word(enum reason r);
char const *origin_word(enum origin o);

#endif
