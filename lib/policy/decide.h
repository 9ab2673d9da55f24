/* The relay decision: facts in, verdict, reason and record out. No I/O but look-ups in the mapped tables, no globals;
 * the one function that relay-smtpd and the tools ask. The order:
 *
 *   1. The listener named `submission`: nothing without a login. And a login that is bound to senders uses no other.
 *   2. A local part that could route once more (% ! @, or one that needs its quotes) is refused, hosted domain or not.
 *   3. `deny to` refuses, whoever asks.
 *   4. A hosted domain is accepted if the recipient is valid; an address literal is hosted only if listed; postmaster
 *      is always valid where recipients are listed, and ours without a domain (RFC 5321 4.5.1). A mailbox of its own in
 *      `aliases`, then in `recipients`, comes before those for whole domains; then the domain's own rule counts.
 *   5. Anything else is relaying. Each `require` must hold.
 *   6. Then a grant must hold; of several the first line gives the reason. But `grant to-host`, for which the DNS must
 *      be asked, comes last; it is none for a domain whose mail a line of `routes` (the default one, too) sends to a
 *      relay instead of its mail exchangers. Literals need a grant like names.
 *      `grant pop` holds for a fresh stamp on its listeners and for its user's senders (policy/pop.h). Where no grant
 *      holds but the stamps could not be read, and it stands there for this listener: later.
 *   7. Otherwise it is refused. Nothing that a stranger chooses (sender, HELO, local part) grants anything, unless the
 *      line says `forgeable`. */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "parse/address.h"
#include "parse/ip.h"
#include "table/table.h"

#define LISTENER_SUBMISSION "submission"

/* Is this the name of a submission listener, in small letters or capitals? It may be null. */
int listener_is_submission(char const *name);

/* What only the network knows, and somebody else asks for (ask/ask.h). */
enum answer { ANSWER_NOT_ASKED, ANSWER_YES, ANSWER_NO, ANSWER_UNKNOWN /* it could not be asked */ };

struct facts {
  struct ip client;              /* who connects; len 0 when unknown (a pipe) */
  char const *listener;          /* the listener's name, "" for the plain one */
  unsigned trusted : 1;          /* the gate set RELAYCLIENT */
  struct { char const *file; uint32_t line; } trusted_by; /* the rule that did, if known (file null: the environment) */
  char const *login;             /* who logged in; null: nobody */
  unsigned login_may_relay : 1;  /* the login has the privilege */
  unsigned wrong_sender : 1;     /* the login is bound to senders (policy/senders.h), and this is none of them */
  char const *stamp;             /* the user of a fresh POP stamp, "" when it names none; null: no stamp */
  unsigned stamp_unknown : 1;    /* whether there is a stamp could not be told */
  unsigned tls : 1;              /* the session is under TLS */
  struct address const *sender;  /* null or "": the null sender */
  struct address const *recipient;
  enum answer mailbox;           /* does the next hop take this recipient? */
  enum answer mx;                /* YES: hosts[0..hosts_n) are all addresses to which the MX records of the recipient's
                                    domain lead; NO: they lead nowhere */
  struct ip const *hosts;
  size_t hosts_n;
};

enum verdict {
  VERDICT_ACCEPT, VERDICT_REFUSE, VERDICT_TEMPFAIL,
  VERDICT_ASK_MAILBOX,           /* set facts.mailbox and decide again */
  VERDICT_ASK_MX,                /* set facts.mx and decide again */
};

/* X(name, word): the closed list of reasons; the word is what log line and trace header say. Those up to CONFIRMED
 * accept what is ours, from there to ANYONE what is relayed. */
#define REASONS(X) \
  X(REASON_HOSTED, "hosted")         /* accept: any recipient of the domain */ \
  X(REASON_LISTED, "listed")         /* accept: `recipients` has it */ \
  X(REASON_ALIAS, "alias")           /* accept: `aliases` has it; the record's data are its targets */ \
  X(REASON_CONFIRMED, "confirmed")   /* accept: the next hop takes it */ \
  X(REASON_CLIENT, "client")         /* accept: grant clients, and the gate trusts the address */ \
  X(REASON_LOGIN, "login")           /* accept: grant login */ \
  X(REASON_POP, "pop")               /* accept: grant pop */ \
  X(REASON_TO, "to")                 /* accept: grant to */ \
  X(REASON_TO_HOST, "to-host")       /* accept: grant to-host */ \
  X(REASON_SENDER, "sender")         /* accept: grant sender */ \
  X(REASON_DEVICE, "device")         /* accept: grant device */ \
  X(REASON_ANYONE, "anyone")         /* accept: grant anyone */ \
  X(REASON_NOT_GRANTED, "relaying-denied") /* refuse 550 5.7.1 */ \
  X(REASON_ONWARD, "onward-routing") /* refuse 553 5.1.3: % ! @ in the local part */ \
  X(REASON_LITERAL, "address-literal") /* refuse 550 5.7.1: a literal that isn't listed, and no grant holds */ \
  X(REASON_NO_PRIVILEGE, "no-privilege") /* refuse 550 5.7.1: logged in, but the login may not relay */ \
  X(REASON_SUBMISSION, "login-first") /* refuse 530 5.7.0: the listener wants a login */ \
  X(REASON_WRONG_SENDER, "sender-not-yours") /* refuse 553 5.7.1: the login may not send as this sender */ \
  X(REASON_DENIED, "denied")         /* refuse 550 5.7.1: deny to */ \
  X(REASON_NO_MAILBOX, "no-such-recipient") /* refuse 550 5.1.1 */ \
  X(REASON_REQUIRE_SENDER, "sender-not-hosted") /* refuse 550 5.7.1: require sender hosted */ \
  X(REASON_REQUIRE_LOGIN, "no-login") /* refuse 550 5.7.1: require login */ \
  X(REASON_REQUIRE_TLS, "no-tls")    /* refuse 550 5.7.1: require tls */ \
  X(REASON_MAILBOX_UNKNOWN, "recipient-unconfirmed") /* tempfail 451 4.4.1: the next hop can't be asked */ \
  X(REASON_MX_UNKNOWN, "mx-unknown") /* tempfail 451 4.4.3: the DNS can't be asked */ \
  X(REASON_STAMP_UNKNOWN, "stamp-unknown") /* tempfail 451 4.3.0: `grant pop` might hold */ \
  X(REASON_ASK, "ask")               /* VERDICT_ASK_...: no reason yet */ \
  X(REASON_TABLES, "no-rules")       /* tempfail 451 4.3.5: no tables, or corrupt ones */

enum reason {
#define X(name, word) name,
  REASONS(X)
#undef X
  REASON_COUNT
};

/* Does it accept what is ours (1), or relay (0)? */
#define reason_incoming(r) ((r) <= REASON_CONFIRMED)

/* How the message stands to us: hosted sender and trusted client (gate, login, or a stamp that counts: `grant pop`
 * stands there and holds for this listener and this sender), hosted sender and stranger, other sender. The null sender
 * is no hosted sender. */
enum origin { ORIGIN_LOCAL, ORIGIN_CLAIMED, ORIGIN_EXTERNAL };

struct decision {
  enum verdict verdict;
  enum reason reason;
  enum origin origin;
  struct record record;  /* the line that decided: of `me` (postmaster without a domain), `domains`, `recipients`,
                            `aliases`, or of `relay` the grant, the requirement or the denial (which rule trusts the
                            client is in the facts); line 0: none did */
};

/* Decides one recipient; its address comes from address_path or address_mailbox. t may be null (REASON_TABLES). A
 * VERDICT_ASK_... is given only while that fact says ANSWER_NOT_ASKED, so two answers are enough. */
void decide(struct decision *d, struct table_set const *t, struct facts const *f);

char const *reason_word(enum reason r);
char const *answer_word(enum answer a);  /* "" (not asked), "yes", "no", "unknown" */
char const *origin_word(enum origin o);

#endif
