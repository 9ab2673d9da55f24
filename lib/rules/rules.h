/* What the parts of the compiler share; for this room alone. A line handler gets a line without its end, its comment
 * and trailing blanks, free of NUL, CR and LF, never empty (those of `clients` and `logins` get the comment too: a
 * value in quotes may look like one); what it finds wrong it complains about, and goes on. */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "classes/crowd.h"
#include "parse/address.h"
#include "parse/domain.h"
#include "parse/ip.h"
#include "policy/gate.h"
#include "policy/route.h"
#include "rules/compile.h"
#include "rules/warnings.h"
#include "table/table.h"
#include "users/users.h"

struct compiler;

/* X(name, file, line handler): the control files, in the order in which they are read and complained about */
#define FILES(X) \
  X(FILE_ME, "me", rules_me) \
  X(FILE_CLIENTS, "clients", rules_clients) \
  X(FILE_DOMAINS, "domains", rules_domains) \
  X(FILE_RECIPIENTS, "recipients", rules_recipients) \
  X(FILE_ALIASES, "aliases", rules_aliases) \
  X(FILE_RELAY, "relay", rules_relay) \
  X(FILE_ROUTES, "routes", rules_routes) \
  X(FILE_LIMITS, "limits", rules_limits) \
  X(FILE_USERS, "users", rules_users) \
  X(FILE_LOGINS, "logins", rules_logins)

enum file {
#define X(name, file, handler) name,
  FILES(X)
#undef X
  FILE_COUNT
};
#define X(name, file, handler) void handler(struct compiler *c, char const *s, size_t n);
FILES(X)
#undef X
char const *rules_file_name(enum file file);

/* A piece of text. */
struct word {
  char const *s;
  size_t n;
};

/* All keys so far, in their order, and the lines that they come from; a hash table finds them. */
struct seen_key {
  size_t at, len; /* within keys: the table's letter and the key */
  uint32_t hash;
  uint32_t line;
};
struct seen {
  stralloc keys;
  genalloc entries;  /* struct seen_key */
  genalloc slots;    /* uint32_t: 0, or an entry's number plus 1; a power of two of them */
};
/* Remembers a key. Returns 1 when it is new, 0 with its line in *line when it is not, -1 without memory. */
int seen_add(struct seen *x, enum table which, char const *key, size_t len, uint32_t *line);
/* The line of a key, or 0. */
uint32_t seen_line(struct seen const *x, enum table which, char const *key, size_t len);
/* Is it there, with whatever line? */
int seen_has(struct seen const *x, enum table which, char const *key, size_t len);
/* Goes through all lines of a table in their order: *i starts at 0. Writes the key with a NUL behind. Returns the line,
 * 0 at the end. */
uint32_t seen_next(struct seen const *x, size_t *i, enum table which, char key[TABLE_KEY + 1]);
void seen_free(struct seen *x);

/* Prefix lengths in use. */
struct lengths {
  uint8_t v4[33], v6[129];
};

/* A line of `domains`. */
struct hosted {
  uint32_t line;
  char const *check;            /* any, listed, asked; static */
  uint32_t recipient, alias;    /* the first lines of `recipients` and `aliases` that are about it; 0: none */
};

/* What lines of one kind let in together. */
enum trust { TRUST_CLIENT, TRUST_PROXY, TRUST_DEVICE, TRUST_HOST, TRUST_COUNT };
struct sum {
  struct crowd crowd;           /* of lines that are not large by themselves */
  uint32_t line, now;           /* the one with the largest part; the last one */
  struct census most, of_now;   /* their parts */
};

struct neighbours;
struct compiler {
  struct table_builder *table;
  complain_fn *complain;
  void *arg;
  enum file file;       /* being read */
  uint32_t line;
  int wrong;            /* an error was found */
  unsigned hush : 1;    /* errors count, but nothing is said: the words may hold a password */
  int broken;           /* errno of a system error, then all stops; 0: none */
  struct { stralloc texts; genalloc all, marks; uint32_t found; } report; /* complain.c's */
  struct seen seen;
  char me[DOMAIN_TEXT];
  genalloc hosted;      /* struct hosted, by line */
  uint32_t default_relay;       /* the line of `routes` that sends all else to a relay; 0: there is none */
  unsigned by_mx : 1;           /* `routes` has a line without a relay */
  struct lengths clients, to_host, device;
  struct { struct seen targets; stralloc texts; genalloc at, all, links; uint32_t keys; } aliases; /* aliases.h's */
  struct { struct table_builder *table; struct users_about about; genalloc kinds, lacks; } users; /* users.c's; table
                           null: that file is not read */
  struct { struct table_builder *table; struct seen relays, bare; unsigned hosts; genalloc all; } logins; /* logins.c's;
                           table null: that file is not read */
  struct { unsigned bound : 1, submission : 1; uint32_t users, unbound; } pop; /* pop.c's: `grant pop` is bound, is on
                           `submission` alone; how many a bound one lets relay, and how many of these as any sender */
  struct sum sums[TRUST_COUNT];
  stralloc data;        /* scratch: a rule's value */
};

/* A complaint about the line being read; printf's format. What a warning is about can be meant: see complain.c. */
void rules_error(struct compiler *c, char const *format, ...) __attribute__((format(printf, 2, 3)));
void rules_warn(struct compiler *c, enum warning w, char const *format, ...) __attribute__((format(printf, 3, 4)));
/* A complaint about any line. */
void rules_error_at(struct compiler *c, enum file file, uint32_t line, char const *format, ...)
  __attribute__((format(printf, 4, 5)));
void rules_warn_at(struct compiler *c, enum warning w, enum file file, uint32_t line, char const *format, ...)
  __attribute__((format(printf, 5, 6)));
/* The comment of the line being read, from its `#` on. */
void rules_comment(struct compiler *c, char const *s, size_t n);
/* Tells all complaints, in the order of the files and lines, but for warnings about what is meant. */
void rules_report(struct compiler *c);

/* A word for a complaint: printable, in backquotes, cut when long. */
#define QUOTED 200
struct quoted {
  char s[QUOTED];
};
char const *quote(struct quoted *q, char const *s, size_t n);

/* Adds a record of the line being read; complains when its key stands already. `shown`: the key as the line has it.
 * Returns 1 when it was added. */
int rules_add(struct compiler *c, enum table which, char const *key, size_t len, struct word shown, char const *data,
              size_t data_len);

static inline int rules_blank(char ch)
{
  return ch == ' ' || ch == '\t';
}
/* Splits a line at blanks. Returns the number of words; of more than max words the first max are given. */
size_t rules_words(char const *s, size_t n, struct word *words, size_t max);
int rules_is(struct word w, char const *s);

/* An address or a prefix with its length. Returns 1, or 0 after complaining. */
int rules_prefix(struct compiler *c, struct ip *ip, unsigned *bits, char const *s, size_t n);
/* Has an IPv4 address at s a number with a leading zero? */
int rules_octal(char const *s, size_t n);
#define OCTAL "has a number with a leading zero, which some programs read as octal"
void lengths_use(struct lengths *l, struct ip const *ip, unsigned bits);
/* Writes the lengths in use, longest first, under a key for each family. */
void lengths_add(struct compiler *c, struct lengths const *l, enum table which, char const *key4, char const *key6);

#define RULES_DOMAIN (DOMAIN_TEXT + 1) /* bytes of the longest key of a domain with its NUL */

/* A name in canonical form. Returns its length, or 0 after complaining. */
size_t rules_domain(struct compiler *c, char out[DOMAIN_TEXT], char const *s, size_t n);
/* The same for a domain, a `.suffix`, or a literal in brackets (IPv6 with or without the tag `IPv6:`). */
size_t rules_domain_key(struct compiler *c, char out[RULES_DOMAIN], char const *s, size_t n);

/* Bytes up to the colon that ends a domain or host: colons within brackets don't count. */
size_t rules_until_colon(char const *s, size_t n);
/* A relay: a name, or an address in its canonical text. Not empty. Returns its length, 0 after complaining. */
size_t rules_relay_host(struct compiler *c, char out[RULES_DOMAIN], struct word w);
/* A route leads to this relay. */
void rules_logins_relay(struct compiler *c, struct route const *r);

#define RULES_TARGETS 1000 /* of one alias, all told */
#define RULES_KEY (ADDRESS_KEY + 2) /* bytes of the longest key below with its NUL */

/* Reads LOCAL@DOMAIN. Returns 1, or 0 after complaining. */
int rules_address(struct compiler *c, struct address *a, char const *s, size_t n);
/* The keys of policy/match.h for addresses, with a NUL behind. Each returns the length, or 0 after complaining.
 * to: LOCAL@DOMAIN, a domain, a .suffix or a literal; from: LOCAL@DOMAIN, @DOMAIN or @.SUFFIX; mailbox: the same, also
 * with an extension (LOCAL+*@DOMAIN). */
size_t rules_to(struct compiler *c, char *out, char const *s, size_t n);
size_t rules_from(struct compiler *c, char *out, char const *s, size_t n);
size_t rules_mailbox(struct compiler *c, char *out, char const *s, size_t n);

/* The line of `domains` that hosts a domain or a .suffix in canonical form, or null. */
struct hosted *rules_hosted(struct compiler const *c, char const *domain);

/* Wider names for what a key names: after LOCAL@DOMAIN comes DOMAIN, after a domain its suffixes. "" at the end. */
char const *rules_wider(char const *to);
/* The line `VERB TO` or the nearest one with a wider TO; 0: there is none. `itself`: TO as it stands counts too. */
uint32_t rules_line_to(struct compiler const *c, char const *verb, char const *to, int itself);
/* The same for a catch-all, @DOMAIN or @.SUFFIX, in recipients or aliases. */
uint32_t rules_catch_all(struct compiler const *c, enum table which, char const *domain, int itself);
uint32_t rules_relay_line(struct compiler const *c, char const *line); /* the line of `relay` that says this, or 0 */

/* What is to be checked and written after the last line. */
void rules_clients_end(struct compiler *c);
void rules_aliases_end(struct compiler *c);
void rules_relay_end(struct compiler *c);
void rules_users_end(struct compiler *c);
void rules_aliases_free(struct compiler *c);
void rules_users_free(struct compiler *c);
void rules_logins_free(struct compiler *c);
/* Checks across lines and files that find warnings; for rules without an error. */
void rules_check_clients(struct compiler *c);
void rules_check_domains(struct compiler *c);
void rules_check_mailboxes(struct compiler *c);
void rules_check_targets(struct compiler *c);
void rules_check_relay(struct compiler *c);
void rules_check_users(struct compiler *c);
void rules_check_logins(struct compiler *c);
/* Warns of files in a directory whose names look like ours, or are another mail server's for what ours say. */
void rules_misnamed(char const *dir, complain_fn *complain, void *arg);
/* Warns of each neighbour that the finished rules on fd trust. Returns 0, or -1 with errno when they can't be read. */
int rules_check_neighbours(struct compiler *c, struct neighbours const *x, int fd);

/* Reads what follows `grant pop`, n words (one too many is enough to be seen), into c->data.
 * Returns 1, or 0 after complaining. */
int rules_pop(struct compiler *c, struct word const *w, size_t n);
/* A user who may relay, from the line being read: name, canonical, and senders for TABLE_SENDERS. */
void rules_pop_user(struct compiler *c, struct word shown, char const *name, char const *senders, size_t len);
/* Warns of a line `grant pop` that does nothing. */
void rules_check_pop(struct compiler *c, uint32_t line);

/* A client's address in `clients`, and the keys (policy/gate.h) that it stands for. */
#define CLIENT_KEY (GATE_INFO + DOMAIN_TEXT + 16)
struct client {
  char key[CLIENT_KEY];     /* the key, without the number of a range */
  size_t len;
  size_t at;                /* a range: where in key the number stands */
  unsigned first, last;     /* a range: the numbers */
  unsigned range : 1;
  unsigned everybody : 1;   /* the empty address, `=`, or a prefix of no bits */
  unsigned named : 1;       /* looks at the client's name */
  unsigned cidr : 1;
  unsigned dots : 1;        /* an IPv4 address, a prefix with dots, or a range of either */
  unsigned mapped : 1;      /* an IPv4-mapped IPv6 address */
  struct ip ip;             /* CIDR: the prefix */
  unsigned bits;            /* and its length */
};
/* Reads all of s[0..n). Returns 0, or what is wrong with it. */
char const *client_scan(struct client *k, char const *s, size_t n);
/* Writes the key with number i in it. Returns its length. */
size_t client_key(struct client const *k, unsigned i, char out[CLIENT_KEY]);

/* The line being read trusts k with RELAYCLIENT, or with RELAYPROXY: complains of what that may let in. */
void trust_line(struct compiler *c, struct client const *k, int proxy);
/* The same for a line of `relay` that grants something to a device of this prefix, or to everybody for hosts there. */
void trust_prefix(struct compiler *c, enum trust kind, struct ip const *ip, unsigned bits);
/* Warns of what many lines do together. */
void trust_end(struct compiler *c);
void trust_free(struct compiler *c);

#endif
