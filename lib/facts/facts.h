/* From outside to the facts that decide() looks at: from options (facts/options.h), or from a line of relay-smtpd's
 * log; and the whole way of a recipient through the rules, from the gate on. Pure. */
#ifndef FACTS_FACTS_H
#define FACTS_FACTS_H

#include <stddef.h>
#include "parse/address.h"
#include "policy/decide.h"
#include "policy/gate.h"
#include "table/table.h"

#define QUESTION_HOSTS 64   /* addresses of a mail exchanger */
#define QUESTION_TEXT 8192  /* bytes of all names together */

/* What the network says about a recipient, as in struct facts; hosts are there when mx is YES. */
struct question_answers {
  enum answer mailbox, mx;
  struct ip hosts[QUESTION_HOSTS];
  size_t hosts_n;
};

/* What is asked. It points into itself: never copy one. Strings hold any byte but NUL. */
struct question {
  struct facts facts;           /* without trusted, trusted_by, recipient and the network's answers, which
                                   question_decide sets */
  struct address sender;        /* "": the null sender */
  struct address recipient;
  enum address_error sender_error, recipient_error; /* not ADDRESS_OK: it is no address, and SMTP says so */
  unsigned has_sender : 1, has_recipient : 1; /* one was given, right or wrong */
  char const *host, *info;      /* of the client: TCPREMOTEHOST and TCPREMOTEINFO; null */
  char const *environment;      /* RELAYCLIENT in the listener's environment, kept by relay-gate -k; null: not set */
  char const *relayclient;      /* RELAYCLIENT as relay-smtpd gets it; null: not set; question_decide sets it */
  struct question_answers given;   /* about the recipient as given */
  struct question_answers becomes; /* about what comes of it with RELAYCLIENT's value behind */
  unsigned apart : 1;           /* 0: those about the recipient as given count for both */
  unsigned options;             /* options.c's: which came already */
  size_t used;                  /* bytes of text */
  char text[QUESTION_TEXT];
};

/* Nothing is known: a client without address, name and login, the null sender, no recipient. */
void question_init(struct question *q);

/* Reads a sender (nothing, or `<>`: the null sender) or a recipient: a path as in SMTP, or the same without < and >.
 * What is wrong with it goes to sender_error or recipient_error. Any byte may occur. */
void question_sender(struct question *q, char const *s, size_t n);
void question_recipient(struct question *q, char const *s, size_t n);

/* Reads "yes", "no" or "unknown"; for the mail exchangers' addresses "IP,IP,...", "no" ("none") or "unknown". Return 1,
 * or 0 when it is nothing of that. Any byte may occur. */
int answers_mailbox(struct question_answers *a, char const *s, size_t n);
int answers_mx(struct question_answers *a, char const *s, size_t n);
/* Puts them into the facts. */
void question_answers(struct question *q, struct question_answers const *a);

/* Keeps s[0..n) with a NUL behind. Returns the copy, which lives as long as q, or null when there is a NUL within or
 * no more room. */
char const *question_keep(struct question *q, char const *s, size_t n);

/* Where it was settled. */
enum stage {
  STAGE_GATE,       /* relay-gate denies the client (REASON_DENIED), or finds no good rules (REASON_TABLES) */
  STAGE_SENDER,     /* the sender is no address (REASON_COUNT) */
  STAGE_RECIPIENT,  /* the recipient is none (REASON_COUNT) */
  STAGE_GIVEN,      /* decide() about the recipient as given */
  STAGE_NOWHERE,    /* that was accepted, but no address comes of it with RELAYCLIENT's value behind (REASON_COUNT) */
  STAGE_CHANGED,    /* decide() about what comes of it */
};

struct outcome {
  enum stage stage;
  struct decision decision;  /* the verdict; for STAGE_GIVEN and STAGE_CHANGED all of it; record is of the table */
  struct decision given;     /* the decision about the recipient as given, if one was made; else as `decision` */
  struct record gate;        /* the line of `clients` that holds for the client; line 0: none */
  struct address changed;    /* STAGE_CHANGED: the recipient with RELAYCLIENT's value behind */
};

/* The whole way: relay-gate, MAIL, RCPT, RELAYCLIENT's value. Sets q's trusted, trusted_by, relayclient and
 * facts.recipient, and in the facts those answers of the network that the decision looked at. t may be null. */
void question_decide(struct outcome *o, struct question *q, struct table_set const *t);

/* What becomes of the recipient, which must be one, with RELAYCLIENT's value behind, after question_decide found one.
 * Returns 1, or 0 when no address comes of it. */
int question_becomes(struct address *out, struct question const *q, struct table_set const *t);

/* What a line of the log says beside the facts; "" where it is silent. */
struct logged {
  char const *verdict;  /* accepted, refused, deferred, unqueued */
  char const *reason;   /* reason_word */
  char const *rule;     /* "relay:3" */
  char const *trusted;  /* "clients:12", "environment" */
  char const *becomes;  /* the recipient with RELAYCLIENT's value behind, or with our name */
  char const *id;       /* the message's */
};

enum logged_status {
  LOGGED_OK,
  LOGGED_OTHER,  /* no line of relay-smtpd about a recipient, or about a sender that the login may not use: that has no
                    recipient, and question_decide settles it all the same */
  LOGGED_BAD,    /* one that can't be read: *why says what is wrong, static */
};

/* Reads a line, s[0..n) without its LF, into q (initialized here) and l (into q). Words before `relay-smtpd:` are
 * passed over: stamps, what syslog puts there. Any byte may occur. Whom `clients` trusts is left to question_decide;
 * trust by the environment stays. */
enum logged_status question_log(struct question *q, struct logged *l, char const *s, size_t n, char const **why);

#endif
