/* What the parts of the compiler share; for this room alone. A line handler gets a line without its end and without
 * trailing blanks, free of NUL, CR and LF, never empty; what it finds wrong it complains about, and goes on. */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "parse/address.h"
#include "parse/domain.h"
#include "parse/ip.h"
#include "policy/gate.h"
#include "rules/compile.h"
#include "table/table.h"

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
void seen_free(struct seen *x);

/* Whom `clients` trusts with a variable. */
struct trust {
  uint32_t everybody;   /* the first line that trusts everybody; 0: none */
  genalloc v4, v6;      /* the addresses: trust.c's spans */
};

/* Prefix lengths in use. */
struct lengths {
  uint8_t v4[33], v6[129];
};

struct compiler {
  struct table_builder *table;
  complain_fn *complain;
  void *arg;
  char const *file;     /* being read */
  uint32_t line;
  int wrong;            /* an error was found */
  int broken;           /* errno of a system error, then all stops; 0: none */
  struct seen seen;
  struct lengths clients, to_host, device;
  struct { stralloc text; genalloc all; } aliases; /* aliases.c's */
  struct trust relay;   /* RELAYCLIENT */
  struct trust proxy;   /* RELAYPROXY */
  stralloc data;        /* scratch: a rule's value */
};

/* A complaint about the line being read; printf's format. */
void rules_error(struct compiler *c, char const *format, ...);
void rules_warn(struct compiler *c, char const *format, ...);
/* A complaint about any line. */
void rules_complain(struct compiler *c, int warning, char const *file, uint32_t line, char const *why);

/* A word for a complaint: printable, in backquotes, cut when long. */
#define QUOTED 200
struct quoted {
  char s[QUOTED];
};
char const *quote(struct quoted *q, char const *s, size_t n);

/* Adds a record of the line being read; complains when its key stands already. `shown`: the key as the line has it. */
void rules_add(struct compiler *c, enum table which, char const *key, size_t len, struct word shown, char const *data,
               size_t data_len);

/* Splits a line at blanks; a `#` at the start of a word begins a comment. Returns the number of words; of more than max
 * words the first max are given. */
size_t rules_words(char const *s, size_t n, struct word *words, size_t max);

/* An address or a prefix with its length. Returns 1, or 0 after complaining. */
int rules_prefix(struct compiler *c, struct ip *ip, unsigned *bits, char const *s, size_t n);
void lengths_use(struct lengths *l, struct ip const *ip, unsigned bits);
/* Writes the lengths in use, longest first, under a key for each family. */
void lengths_add(struct compiler *c, struct lengths const *l, enum table which, char const *key4, char const *key6);

#define RULES_DOMAIN (DOMAIN_TEXT + 1) /* bytes of the longest key of a domain with its NUL */

/* A name in canonical form. Returns its length, or 0 after complaining. */
size_t rules_domain(struct compiler *c, char out[DOMAIN_TEXT], char const *s, size_t n);
/* The same for a domain, a `.suffix`, or a literal in brackets (IPv6 with or without the tag `IPv6:`). */
size_t rules_domain_key(struct compiler *c, char out[RULES_DOMAIN], char const *s, size_t n);

#define RULES_TARGETS 1000 /* of one alias, all told */
#define RULES_KEY (ADDRESS_KEY + 2) /* bytes of the longest key below with its NUL */

/* The keys of policy/match.h for addresses. Each returns the length, or 0 after complaining.
 * address: LOCAL@DOMAIN; to: that, a domain, a .suffix or a literal; from: that, @DOMAIN or @.SUFFIX; mailbox: the same,
 * also with an extension (LOCAL+*@DOMAIN). */
size_t rules_address(struct compiler *c, char *out, char const *s, size_t n);
size_t rules_to(struct compiler *c, char *out, char const *s, size_t n);
size_t rules_from(struct compiler *c, char *out, char const *s, size_t n);
size_t rules_mailbox(struct compiler *c, char *out, char const *s, size_t n);

/* The line of `domains` that hosts a domain or a .suffix in canonical form, or 0. */
uint32_t rules_hosted(struct compiler const *c, char const *domain);

/* The line handlers, one for each file, and what is to be checked and written after the last line. */
void rules_me(struct compiler *c, char const *s, size_t n);
void rules_clients(struct compiler *c, char const *s, size_t n);
void rules_recipients(struct compiler *c, char const *s, size_t n);
void rules_aliases(struct compiler *c, char const *s, size_t n);
void rules_domains(struct compiler *c, char const *s, size_t n);
void rules_relay(struct compiler *c, char const *s, size_t n);
void rules_routes(struct compiler *c, char const *s, size_t n);
void rules_limits(struct compiler *c, char const *s, size_t n);
void rules_clients_end(struct compiler *c);
void rules_aliases_end(struct compiler *c);
void rules_aliases_free(struct compiler *c);
void rules_relay_end(struct compiler *c);

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
  struct ip ip;             /* CIDR: the prefix */
  unsigned bits;            /* and its length */
};
/* Reads all of s[0..n). Returns 0, or what is wrong with it. */
char const *client_scan(struct client *k, char const *s, size_t n);
/* Writes the key with number i in it. Returns its length. */
size_t client_key(struct client const *k, unsigned i, char out[CLIENT_KEY]);

/* The line being read trusts k, with c->relay's or c->proxy's variable: warns, and keeps its addresses. */
void trust_line(struct compiler *c, struct trust *t, struct client const *k);
/* Complains when all lines together trust half of the internet or more, and may relay. */
void trust_check(struct compiler *c);
void trust_free(struct trust *t);

#endif
