/* All clients, senders, recipients and sessions, in finitely many classes: decide() sees no difference between two
 * members of a class, nor does relay-gate. Over one compiled table, or over two at once (the classes are then fine
 * enough for both). Exact, for these reasons:
 *
 *   Clients. gate_find and match_device look at an address through keys that stand for intervals: itself, prefixes
 *   with dots, bits. All addresses are cut wherever an interval of any record begins or ends; between two cuts every
 *   look-up has the same result, so the first address speaks for all. IPv4-mapped addresses are IPv4's alone. Names
 *   and users (=host, user@...) come from the super-server and are no intervals: `names` lists those rules, and the
 *   classes are those of clients without either.
 *
 *   Senders and recipients. A look-up asks for the address, patterns LOCAL+*, the domain, its suffixes (the forms, too,
 *   of what a user of `grant pop ... bound` may send as). Which records it finds follows from the most special form
 *   that is in any table: each form has a class, and a representative that hits it and no more special one. What no
 *   look-up can find (keys that are not canonical) has none.
 *
 * Near-linear: two sorts and a few look-ups for each record. */
#ifndef CLASSES_CLASSES_H
#define CLASSES_CLASSES_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "classes/range.h"
#include "parse/ip.h"
#include "policy/decide.h"
#include "table/table.h"

#define CLASSES_TABLES 2
#define CLASSES_NONE ((size_t)-1)

/* Neighbouring addresses of one family, all of one class, let in by one rule of each table. */
struct span {
  struct ip first, last;
  uint32_t line[CLASSES_TABLES];  /* of `clients`; 0: no rule fits */
  uint8_t rest[CLASSES_TABLES];   /* 1: the rule for everybody, or none. With a name another one could fit */
};

/* How one table sees the clients of a class. */
struct client_view {
  unsigned denied : 1;      /* the two below then say what the rule would set */
  unsigned trusted : 1;     /* RELAYCLIENT is set */
  unsigned proxy : 1;       /* RELAYPROXY is set: may say whom it speaks for (relay-gate -p) */
  unsigned is_device : 1;   /* there are lines `grant device` for it: */
  uint8_t device_bits;      /* the longest prefix of those; the shorter ones follow from it */
  struct ip device;
};

struct client_class {
  struct client_view view[CLASSES_TABLES];
  size_t first, n;          /* its spans: span[first .. first + n), IPv4 before IPv6, ascending */
  uint64_t v4;              /* IPv4 addresses in it */
  struct wide v6;           /* IPv6 addresses */
  struct wide v6_global;    /* those of them in 2000::/3 (RFC 4291 2.4) */
  struct ip example;        /* one of them: for documentation (RFC 5737, RFC 3849) where there is one */
};

/* A rule of `clients` that looks at the client's name or user. */
struct client_name {
  size_t key;               /* in text, NUL-terminated: `=host`, `=.suffix`, `=`, `user@address`, `user@=host` */
  unsigned in[CLASSES_TABLES]; /* 1: this table has it, and sees its clients so: */
  struct client_view view[CLASSES_TABLES]; /* without devices */
  uint32_t line[CLASSES_TABLES];
};

/* What a class of addresses is named by. */
enum form {
  FORM_NULL,          /* the null sender */
  FORM_BARE,          /* postmaster without a domain */
  FORM_OTHER,         /* no form of the tables fits: any other domain */
  FORM_OTHER_LITERAL, /* any other literal */
  FORM_ADDRESS,       /* LOCAL@DOMAIN */
  FORM_EXTENSION,     /* LOCAL+*@DOMAIN or LOCAL-*@DOMAIN */
  FORM_DOMAIN,        /* any other mailbox of DOMAIN or of [LITERAL] */
  FORM_SUFFIX,        /* any other domain below .SUFFIX */
  FORM_POSTMASTER,    /* postmaster at DOMAIN or below .SUFFIX, where recipients are listed */
};

/* By which lines a class is named, itself (not through a wider form). */
enum {
  NAMED_DOMAINS = 1, NAMED_RECIPIENTS = 2, NAMED_ALIASES = 4, NAMED_TO = 8, NAMED_DENY = 16, NAMED_LOCAL = 32,
  NAMED_SENDER = 64, NAMED_DEVICE_FROM = 128, NAMED_DEVICE_TO = 256,
  NAMED_ROUTES = 512, /* only where a table has `grant to-host`, which looks at routes */
  NAMED_USERS = 1024, /* a user's senders, where `grant pop` is bound to them */
};

struct address_class {
  enum form form;
  unsigned named;
  unsigned sender : 1;      /* decide() may tell it from wider ones as a sender */
  unsigned recipient : 1;   /* the same as a recipient */
  size_t key;               /* in text: the form as the tables write it, without `@` before a domain; "": it has none */
  size_t example;           /* in text: one of them, local@domain; "": the null sender */
  size_t wider;             /* the class of the next wider form that it also hits, or CLASSES_NONE */
};

/* A line `grant device`. */
#define DEVICE_ANY ((size_t)-1)     /* `any` */
#define DEVICE_HOSTED ((size_t)-2)  /* `hosted` */
struct device_line {
  struct ip ip;
  uint8_t bits;
  unsigned table;           /* which of the tables it stands in */
  size_t from, to;          /* numbers of address classes, DEVICE_ANY or DEVICE_HOSTED */
  struct record record;
};

struct classes {
  struct table_set const *t[CLASSES_TABLES];
  unsigned n;               /* tables */
  genalloc clients;         /* struct client_class */
  genalloc spans;           /* struct span */
  genalloc names;           /* struct client_name, by key */
  genalloc addresses;       /* struct address_class by form and key; the first four are numbers FORM_NULL to
                               FORM_OTHER_LITERAL */
  genalloc devices;         /* struct device_line; those that no look-up can reach are left out */
  stralloc text;
};
#define CLASSES_ZERO { .clients = GENALLOC_ZERO, .spans = GENALLOC_ZERO, .names = GENALLOC_ZERO, \
  .addresses = GENALLOC_ZERO, .devices = GENALLOC_ZERO, .text = STRALLOC_ZERO }

#define classes_client(c, i) (genalloc_s(struct client_class, &(c)->clients) + (i))
#define classes_clients(c) genalloc_len(struct client_class, &(c)->clients)
#define classes_span(c, i) (genalloc_s(struct span, &(c)->spans) + (i))
#define classes_address(c, i) (genalloc_s(struct address_class, &(c)->addresses) + (i))
#define classes_addresses(c) genalloc_len(struct address_class, &(c)->addresses)
#define classes_text(c, at) ((char const *)(c)->text.s + (at))

/* Makes all classes over n tables (1 or 2), which must stay open as long as c. Returns 0, or -1 with errno: ENOMEM,
 * EPROTO (a table is corrupt). Free c in any case. */
int classes_make(struct classes *c, struct table_set const *const *t, unsigned n);
void classes_free(struct classes *c);

/* The representative of an address class: *a, or null for the null sender. It is to be given to facts.sender or
 * facts.recipient. */
struct address const *classes_example(struct classes const *c, struct address_class const *k, struct address *a);

/* The class of a form that has a key (not FORM_POSTMASTER) and that key, or CLASSES_NONE. */
size_t classes_find(struct classes const *c, enum form form, char const *key);

/* The kinds of sessions: listener plain or submission, TLS or not, a stamp or none, logged in with or without the
 * privilege or not at all. Number 0 is the stranger's. Sets those facts. Whether the stamp counts depends, where
 * `grant pop` says so, on its user, on the listener's name and on the sender together: the classes of senders tell all
 * apart that any user may use, and the caller puts user and listener in. */
#define CLASSES_SESSIONS 24
void classes_session(struct facts *f, unsigned i);

/* Traits: what decide() looks at in a sender and in a recipient, apart from `grant device` FROM and TO lines that name
 * addresses or domains, and from what the user of a POP stamp may send as. Two senders (recipients) with the same
 * traits get the same verdict from one table, all else being equal; only the line may differ. Returns 0 and the traits,
 * or -1 (corrupt). a null: the null sender. */
enum {
  SENDER_NULL = 1, SENDER_HOSTED = 2, SENDER_GRANTED = 4, /* a line `grant sender` fits */
  RECIPIENT_ONWARD = 1, RECIPIENT_DENIED = 2,
  RECIPIENT_HOSTED = 4,     /* also postmaster alone; unless denied or onward, one of these says more: */
  RECIPIENT_VALID = 8, RECIPIENT_ASKED = 16, /* the next hop is asked; neither: refused */
  RECIPIENT_GRANTED = 32,   /* not hosted, and a line `grant to` fits */
  RECIPIENT_LITERAL = 64,
  RECIPIENT_ROUTED = 128,   /* not hosted, there is `grant to-host`, and a route names a relay */
  TRAITS = 256
};
int classes_sender_traits(struct table_set const *t, struct address const *a, unsigned *traits);
int classes_recipient_traits(struct table_set const *t, struct address const *a, unsigned *traits);

#endif
