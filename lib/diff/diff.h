/* The difference between two compiled tables, exactly: who is let in, who may relay, which mail is ours, before and
 * now.
 *
 * All clients, senders and recipients come in classes (classes/classes.h), the sessions in kinds; what decide() sees of
 * them in the old table and in the new one puts them into few groups. decide() is asked in both tables for one
 * representative of each combination of groups, and where the outcomes differ the combination goes into a line. Lines
 * of the same kind are joined as far as they stay true. A line is a product: its clients, its senders, its recipients,
 * the situations in which they meet. So what a line says holds for each of its members, and what has changed is in one
 * of them. */
#ifndef DIFF_DIFF_H
#define DIFF_DIFF_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "classes/classes.h"
#include "policy/decide.h"
#include "policy/pop.h"
#include "table/table.h"

/* X(name, word): what became of whom */
#define DIFF_KINDS(X) \
  X(DIFF_NONE, "none") \
  X(DIFF_GAINS, "gains")        /* may relay now, and could not send it before */ \
  X(DIFF_LOSES, "loses")        /* could relay before, and can't send it now */ \
  X(DIFF_TAKES, "takes")        /* mail for us that is taken now, in a domain that was ours or denied before */ \
  X(DIFF_REFUSES, "refuses")    /* mail for us that was taken before, in a domain that is still ours, or denied */ \
  X(DIFF_HOSTS, "hosts")        /* it is for us now and taken, and was not before: it was refused, or relayed */ \
  X(DIFF_UNHOSTS, "unhosts")    /* it was for us and taken, and is not any more: it is refused, or relayed */ \
  X(DIFF_REDIRECTS, "redirects") /* for us before and now, but an alias leads elsewhere */ \
  X(DIFF_LETS_IN, "lets-in")    /* by the gate; they were denied before */ \
  X(DIFF_TRUSTS, "trusts")      /* the same, and they are trusted (RELAYCLIENT) */ \
  X(DIFF_SHUTS_OUT, "shuts-out") /* denied now, and were not before */ \
  X(DIFF_BELIEVES, "believes")  /* may say now whom it speaks for (RELAYPROXY) */ \
  X(DIFF_DOUBTS, "doubts")      /* may no longer */ \
  X(DIFF_APPENDS, "appends")    /* RELAYCLIENT has another value */ \
  X(DIFF_LASTS, "lasts")        /* a POP stamp is fresh for another time */ \
  X(DIFF_SPREADS, "spreads")    /* an IPv6 stamp counts for its network of 64 bits, or does no longer */

enum diff_kind {
#define X(name, word) name,
  DIFF_KINDS(X)
#undef X
  DIFF_KIND_COUNT
};
char const *diff_word(enum diff_kind k);

/* The situations of a recipient: the session (login, stamp, TLS, listener), the next hop's answer, and where the mail
 * exchangers are. Some are left open since no mail is taken there whatever the tables say, or nobody can be there:
 * diff_situation_void. */
#define DIFF_MX 4 /* all of the exchangers are granted by: neither table, the old one alone, the new one alone, both */
#define DIFF_STAMPS 4 /* a POP stamp counts (policy/pop.h) in: neither table, or there is none; then as above */
#define DIFF_SESSIONS (3 * DIFF_STAMPS * 2 * 2)
#define DIFF_SITUATIONS (DIFF_SESSIONS * 2 * DIFF_MX)
struct diff_situations {
  uint64_t bits[DIFF_SITUATIONS / 64];
};
#define diff_in(s, i) ((s)->bits[(i) / 64] >> (i) % 64 & 1)
struct diff;
int diff_situation_void(struct diff const *d, unsigned i);

struct diff_line {
  enum diff_kind kind;
  struct diff_situations when; /* from DIFF_REDIRECTS on: none */
  uint32_t clients;     /* sets; what they hold is diff_describe_...'s to say; for DIFF_REDIRECTS and from DIFF_LASTS
                           on: 0 */
  uint32_t senders, sender_marks;       /* from DIFF_REDIRECTS on: 0 */
  uint32_t recipients, recipient_marks; /* behind DIFF_REDIRECTS: 0 */
};

struct diff {
  struct table_set const *t[2]; /* the old one and the new one */
  struct classes classes;
  genalloc lines;       /* struct diff_line, relaying first, by kind */
  struct model *model;
};

/* Compares. The tables must stay open as long as d. Returns 0, or -1 with errno (ENOMEM; EPROTO: a table is corrupt);
 * free d in any case. No lines: there is no difference. */
int diff_make(struct diff *d, struct table_set const *old, struct table_set const *new);
void diff_free(struct diff *d);

/* A change between the address classes: whom it names, and those that it is wider than, are in (or not) from here. */
struct diff_flip {
  size_t class;
  int in;
};
/* A set of senders or recipients: of a class whose traits stand in `but` none is in it, of one whose traits stand in
 * `and` all are; of the others those are for which the nearest flip, among themselves and the wider ones, says so; with
 * no flip it depends on `all`. For DIFF_GAINS and DIFF_LOSES, the recipients of hosted and denied domains are never
 * meant: the new table's for what is gained, the old one's for what was lost. */
struct diff_addresses {
  int all;
  genalloc and, but;    /* unsigned: traits, the same in both tables */
  genalloc flips;       /* struct diff_flip */
};
#define DIFF_ADDRESSES_ZERO { 0, GENALLOC_ZERO, GENALLOC_ZERO, GENALLOC_ZERO }
/* Both return 0, or -1 with errno; a is begun anew and to be freed in any case. */
int diff_describe_senders(struct diff_addresses *a, struct diff const *d, struct diff_line const *l);
int diff_describe_recipients(struct diff_addresses *a, struct diff const *d, struct diff_line const *l);
void diff_addresses_free(struct diff_addresses *a);
/* The traits, as far as they count, of an address class in one of the tables: those of classes_sender_traits and
 * classes_recipient_traits, but what a stronger one hides is left out. */
unsigned diff_traits(struct diff const *d, int recipient, size_t class, unsigned table);

struct diff_prefix {
  struct ip ip;
  uint8_t bits;
  int in;
  uint32_t line[2];     /* of `clients`, if it is in; 0: no rule */
};
/* Some clients: those at these addresses with one of these names, and with these rules for their user, or none. */
struct diff_part {
  genalloc prefixes;    /* struct diff_prefix: of those that hold an address the longest says whether it is in; if there
                           is none it isn't. By address, wide ones first */
  unsigned unknown : 1; /* also those without an address, as on a pipe */
  unsigned named : 1;   /* names counts: */
  genalloc names;       /* size_t: of all rules for names one of these (numbers in classes.names) is the first that
                           fits; CLASSES_NONE: those whom none fits */
  size_t user;          /* number in classes.names of the rule for their user at their address,
      or CLASSES_NONE: there is
                           none */
  size_t user_host;     /* the same for their user at their name */
};
/* In lines about mail nobody is meant whom one of the tables denies. */
struct diff_clients {
  unsigned all : 1;       /* everybody; and there are no parts */
  unsigned trusted : 1;   /* all that both tables trust; */
  unsigned strangers : 1; /* all that neither trusts; parts are the others */
  genalloc parts;         /* struct diff_part */
};
#define DIFF_CLIENTS_ZERO { 0, 0, 0, GENALLOC_ZERO }
int diff_describe_clients(struct diff_clients *c, struct diff const *d, struct diff_line const *l);
void diff_clients_free(struct diff_clients *c);

/* When: terms of which one must hold; each has for each property the values that fit, as bits. */
enum diff_property { DIFF_LOGIN /* none, one that may relay, one that may not */, DIFF_STAMP /* DIFF_STAMPS */,
  DIFF_TLS, DIFF_SUBMISSION, DIFF_MAILBOX /* the next hop does not take it, does */, DIFF_EXCHANGERS /* DIFF_MX */,
  DIFF_PROPERTIES };
extern unsigned const diff_values[DIFF_PROPERTIES]; /* how many each has */
unsigned diff_value(unsigned situation, enum diff_property p);
unsigned diff_situation(unsigned const value[DIFF_PROPERTIES]); /* the way back */
struct diff_term {
  uint8_t fits[DIFF_PROPERTIES];
};
/* Appends struct diff_term's. Returns 0, or -1 with errno. */
int diff_describe_when(genalloc *terms, struct diff const *d, struct diff_situations const *s);

/* `grant pop` in both tables: on which a stamp's value in a situation rests. */
struct diff_pop {
  int there[2];
  struct pop_grant grant[2]; /* if it is */
  int tells;            /* one of them tells listeners or senders apart */
  genalloc users;       /* struct diff_user, by name: who may use other senders by a stamp now, where both are bound */
};
struct diff_user {
  char const *name;     /* canonical */
  size_t len;           /* its bytes */
  struct record senders[2]; /* NUL behind each, none: any; line 0: it is nobody there who relays */
};
struct diff_pop const *diff_pop(struct diff const *d);
/* Does the line tell stamps that count from others? */
int diff_line_stamps(struct diff const *d, struct diff_line const *l);

/* One case of the line: facts for either table, decided. It points into itself: never copy one. */
struct diff_example {
  struct ip client;
  struct facts facts[2];
  struct decision decision[2];
  int denied[2];        /* by the gate */
  uint32_t line[2];     /* of `clients`, if one rule lets them all in by their address; else 0 */
  struct address sender, recipient;
};
void diff_example(struct diff_example *x, struct diff const *d, struct diff_line const *l);

/* The whole as text (at most `most` members of each list, 0: all) or as JSON, appended to out. Return 0, or -1. */
int diff_text(stralloc *out, struct diff const *d, unsigned most);
int diff_json(stralloc *out, struct diff const *d);

#endif
