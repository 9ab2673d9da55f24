/* What the parts of the comparison share; for this room alone. Functions return 0, or -1 with errno. */
#ifndef DIFF_MODEL_H
#define DIFF_MODEL_H

#include "diff/diff.h"

#define NONE32 UINT32_MAX

/* Lists of numbers, each kept once; 0 is the empty one. */
struct sets {
  genalloc pool;   /* uint32_t */
  genalloc all;    /* struct set_place */
  genalloc slots;  /* uint32_t: 0, or a set's number plus 1; a power of two of them */
};
struct set_place {
  size_t at, n;
  uint32_t hash;
};
int sets_add(struct sets *x, uint32_t const *list, size_t n, uint32_t *set);
uint32_t const *sets_get(struct sets const *x, uint32_t set, size_t *n);
void sets_free(struct sets *x);

/* Senders, or recipients. */
struct side {
  int recipient;
  uint32_t *pair;       /* of each address class: the number of its pair of traits; NONE32: not on this side */
  genalloc pairs;       /* struct pair */
};
struct pair {
  unsigned traits[2];
  uint32_t like;        /* the first pair with these traits; they differ in: */
  unsigned stamps;      /* senders: struct stamps' able */
  uint32_t *places;     /* of its classes, ascending */
  size_t n;
};

/* Clients that both tables see in one way each. */
struct atom {
  size_t class;         /* in classes.clients; CLASSES_NONE: without an address */
  size_t first, n;      /* its spans, in model.spans */
  uint32_t names;       /* set of name groups; 0: all */
  size_t user, user_host; /* in classes.names, or CLASSES_NONE: rules for their user at their address, at their name */
  uint8_t view[2];      /* DENIED, or TRUSTED */
  uint8_t proxy[2];     /* RELAYPROXY is set */
  uint8_t value[2];     /* number of RELAYCLIENT's value */
  unsigned device : 1;
};
enum { DENIED = 1, TRUSTED = 2 };
#define VIEWS 9         /* pairs of none, DENIED, TRUSTED */
#define view_pair(a) ((unsigned)((a)->view[0] * 3 + (a)->view[1]))

/* A prefix that the rules name, or that of all addresses of a family. */
struct prefix {
  struct ip ip;
  uint8_t bits;
  uint8_t open;         /* no client is in it (IPv4-mapped addresses are IPv4's) */
  struct ip example;    /* an address in no narrower one; len 0: there is none */
};

/* What becomes of one combination in each situation. */
struct kinds {
  uint8_t kind[DIFF_SITUATIONS];
};

/* What POP stamps do for a sender, as bits: that there is some user and some listener with whom a stamp counts in the
 * old table alone, in the new one alone, in both; on other listeners, then on that for submission. */
#define STAMP_BIT(value, submission) (1U << ((value) - 1 + 3 * (submission)))
#define STAMP_KINDS 64 /* sets of these */
struct tally {
  int32_t n[4];         /* how many users may send so (1: by the old table, 2: the new one, 3: both) */
  uint32_t who[4];      /* one of them who may not as the next wider class: his number plus 1; 0: there is none */
};
struct stamps {
  struct diff_pop pop;
  genalloc users;       /* struct diff_user: all, by name */
  stralloc names;       /* theirs */
  unsigned char *able;  /* of each address class: these bits */
  struct tally *tally;  /* of each address class */
  struct tally any;     /* of senders whom no user's lines name */
  char other[24];       /* a listener that no line names */
  unsigned some;        /* those of any class */
  char const *listener[2][4]; /* one that is not, or is, for submission; the grants of neither table, the old, the new
                           one, both hold there. Null: there is none */
};

struct model {
  struct stamps stamps;
  uint32_t *order;      /* address classes by place: narrower ones follow wider ones */
  uint32_t *place;      /* of each address class */
  uint32_t *end;        /* the place behind its last narrower one */
  struct side senders, recipients;
  struct sets sets;
  genalloc atoms;       /* struct atom */
  genalloc spans;       /* struct span */
  genalloc prefixes;    /* struct prefix, by first address, wide ones first */
  genalloc groups;      /* struct name_group */
  uint32_t *memo;       /* kinds' numbers plus 1, by views, pairs and devices; 0: not known yet */
  genalloc kinds;       /* struct kinds */
  struct ip hosts[DIFF_MX]; /* examples of exchangers; len 0: there are none */
  int to_host;          /* one of the tables has `grant to-host` */
};

/* Names of clients that no look-up tells apart. */
struct name_group {
  uint32_t names;       /* set of numbers in classes.names; the number of names: whom no rule fits */
  uint8_t exact[2], suffix[2];
};

int order_make(struct diff *d);
int sides_make(struct diff *d);
/* A class with the pair whose nearest wider one (or itself) among marks[0..n), sorted by place, is `mark`;
 * CLASSES_NONE: none of them. Returns its number, or CLASSES_NONE. */
size_t side_find(struct model const *m, struct side const *s, uint32_t pair, size_t mark, size_t const *marks,
                 size_t n);
int atoms_make(struct diff *d);
int stamps_make(struct diff *d);
void stamps_free(struct stamps *x);
/* The lines about the grant itself. */
int stamps_lines(struct diff *d);
/* A user's name ("": one that nobody knows) and a listener with whom a stamp has this value for a sender, the example
 * of this class. Returns 1, 0 when there are none, -1 with errno. */
int stamps_witness(struct diff const *d, size_t sender, unsigned value, unsigned submission, char const **user,
                   char const **listener);
int hosts_make(struct diff *d);
int prefixes_make(struct diff *d);
/* Appends struct diff_prefix'es for the addresses in n spans, which ascend. */
int prefixes_describe(genalloc *out, struct diff const *d, struct span const *s, size_t n);

/* The combination of an atom, a sender and a recipient (address classes), for whom a device's line holds in either
 * table as in device (bit 0: old, bit 1: new). */
int kinds_get(struct diff *d, size_t atom, size_t sender, size_t recipient, unsigned device, struct kinds const **k);
int cells_make(struct diff *d);
int devices_make(struct diff *d);

/* Can `grant device` make a difference for recipients of this pair? */
int pair_devices(struct diff const *d, uint32_t pair);
/* Some clients (a set of atoms), senders of a pair within a mark, recipients of a pair within a mark, and what becomes
 * of them: a line for each kind. */
struct cell {
  uint32_t clients;
  uint32_t sender, sender_marks;       /* number of the mark (0: none) times the number of pairs, plus the pair; set of
                                          address classes: the marks, by place */
  uint32_t recipient, recipient_marks;
  struct kinds const *kinds;
};
int lines_add(struct diff *d, struct cell const *c);
/* Joins lines (from this number on) that differ in one of clients, senders, recipients alone, until there are none. */
int lines_join(struct diff *d, size_t from);
int gate_lines(struct diff *d);

/* Adds to the flips of a description of recipients what keeps postmaster@.SUFFIX from being misread. Of each class is:
 * whether it is in (1), out (0) or does not matter; now: what the flips say. */
int postmasters_describe(genalloc *flips, struct diff const *d, unsigned char const *is, unsigned char const *now,
                         int all);

/* Sets the facts of a situation; a stamp's user and its listener are for the caller to put in. */
void situation_facts(struct diff const *d, struct facts *f, unsigned i);

#endif
