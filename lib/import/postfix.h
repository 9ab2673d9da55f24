/* What the parts of the Postfix importer share; for this room alone. */
#ifndef IMPORT_POSTFIX_H
#define IMPORT_POSTFIX_H

#include "import/maincf.h"
#include "parse/address.h"

/* Whose domain it is, in the order in which Postfix asks. */
enum class { CLASS_LOCAL = 1, CLASS_ALIAS, CLASS_MAILBOX, CLASS_RELAY };

struct postfix {
  struct import *x;
  char const *dir;
  struct maincf main;
  stralloc config;          /* config_directory, without a slash at its end; NUL-terminated */
  stralloc root;            /* what stands before config_directory in dir; NUL-terminated */
  int rooted;               /* root is known: other absolute paths can be followed */
  struct names class;       /* domain or .suffix -> enum class */
  stralloc local;           /* the domains of CLASS_LOCAL, NUL behind each */
  stralloc hosted;          /* all of class' keys, in their order, NUL behind each */
  struct names peopled;     /* domains with a recipient or an alias, and all their suffixes */
  struct names done;        /* parameters of main.cf that have been dealt with */
  stralloc tls;             /* words behind each route by SMTP, a blank before each; NUL-terminated */
  unsigned secure : 1;      /* certificates must have the domain's name, even those of mail exchangers */
  unsigned sealed : 1;      /* mail to all other domains is refused, whoever sends it */
  unsigned clients : 1;     /* the restrictions let mynetworks relay */
  struct place closed;      /* the line that refuses strangers altogether; file null: none does */
  struct names overridden;  /* parameters that the service on port 25 sets for itself, with its line of master.cf */
};

/* A parameter's place: where it is set, or main.cf as a whole. */
struct place postfix_place(struct postfix const *p, char const *name);

/* Whether it is set; and its expanded value in out, which is emptied first. Returns 1, or 0 after saying that the value
 * can't be told (or with x->broken). The parameter counts as dealt with. */
int postfix_set(struct postfix const *p, char const *name);
int postfix_get(struct postfix *p, char const *name, stralloc *out);
void postfix_done(struct postfix *p, char const *name);
/* yes or no; what can't be told is `other`. */
int postfix_yes(struct postfix *p, char const *name, int other);

/* The line of master.cf in which the service on port 25 sets a parameter for itself; 0: it does not. */
uint32_t postfix_overridden(struct postfix const *p, char const *name);

/* Goes through the options (-o name=value) of Postfix's SMTP servers. main: of those that listen on port 25, or of
 * all when none does. */
typedef void option_fn(struct postfix *p, struct text name, struct text value, struct place from, int main, void *arg);
void postfix_services(struct postfix *p, option_fn *fn, void *arg);

/* Opens a file that a value names: below config_directory it is looked for in our directory. Returns as source_open; 0
 * also when we can't tell where it is. */
int postfix_open(struct postfix *p, struct source *f, struct text path);

/* An element of a list (match_list in postconf(5)). */
struct item {
  struct text word;
  struct place from;
  unsigned negative : 1;    /* a `!` before it, or before what it comes from */
  unsigned key : 1;         /* it is a table's key */
  unsigned unreadable : 1;  /* a file or table that can't be read, which was said; word is its name */
  unsigned excludes : 1;    /* and for all we know it holds exclusions, or is one */
};
typedef void item_fn(struct postfix *p, struct item const *i, void *arg);

/* Goes through the elements of a parameter's value, following /files and type:tables. */
void postfix_list(struct postfix *p, char const *name, item_fn *fn, void *arg);

/* Goes through a table type:name. fn may be null: can it be read? Returns 1; 0 when not, after saying so (unless fn is
 * null). */
typedef void entry_fn(struct postfix *p, struct text key, struct text value, struct place from, void *arg);
int postfix_table(struct postfix *p, struct text table, struct place from, entry_fn *fn, void *arg);
/* Goes through all tables of a parameter. Returns 0 when one of them couldn't be read, or the value can't be told. */
int postfix_tables(struct postfix *p, char const *name, entry_fn *fn, void *arg);

/* The class of a domain in canonical form, 0: none. */
unsigned postfix_class(struct postfix const *p, char const *domain);

/* Where a transport:nexthop (transport(5)) leads, as a route has it (`HOST` or `HOST:PORT`, or nothing: by MX; with
 * LMTP a socket's path or `HOST:PORT lmtp`). */
enum delivery {
  DELIVERY_ROUTE,
  DELIVERY_USUAL,  /* both parts are empty */
  DELIVERY_ERROR,  /* refused, or thrown away, which was said */
  DELIVERY_OTHER   /* said to be left out */
};
#define POSTFIX_ROUTE (DOMAIN_TEXT + 16)
enum delivery postfix_delivery(struct postfix *p, char route[POSTFIX_ROUTE], struct text t, struct place from);
/* The same for a nexthop alone. */
enum delivery postfix_nexthop(struct postfix *p, char route[POSTFIX_ROUTE], struct text t, struct place from);

/* HOST, HOST:PORT, [HOST] or [HOST]:PORT as a line of `logins` has it. Returns the length, or 0. */
size_t postfix_relay(char out[POSTFIX_ROUTE], struct text t);

/* The parts, in the order in which they are read. */
void postfix_overrides(struct postfix *p);
void postfix_domains(struct postfix *p);
void postfix_recipients(struct postfix *p);
void postfix_aliases(struct postfix *p);
void postfix_deserted(struct postfix *p);
void postfix_networks(struct postfix *p);
void postfix_grants(struct postfix *p);
void postfix_tls(struct postfix *p);
void postfix_routes(struct postfix *p);
void postfix_logins(struct postfix *p);
void postfix_limits(struct postfix *p);
void postfix_others(struct postfix *p);

/* Adds an address to a list of places that need one: a mailbox of class `class`. Writes its key; returns the length, or
 * 0 after saying why it can't be carried over. `catch_all`: @domain is allowed. */
size_t postfix_mailbox(struct postfix *p, char out[ADDRESS_KEY + 1], struct text t, struct place from, int catch_all);

#endif
