/* What the parts of this room share; for it alone. Each returns 0, or -1 with errno. */
#ifndef CLASSES_PARTS_H
#define CLASSES_PARTS_H

#include "classes/classes.h"

/* Where intervals of clients begin. */
struct cuts {
  genalloc at;            /* struct ip */
  unsigned devices : 1;   /* some table has lines for devices */
};

int cuts_start(struct cuts *x);
int cuts_client(struct cuts *x, char const *key, size_t n);   /* a key of `clients` */
int cuts_device(struct cuts *x, char const *key, size_t n);   /* what follows `grant device ` */
int cuts_end(struct cuts *x, struct classes *c);              /* makes c's spans and client classes; frees x */

/* What a rule of `clients` sets. */
int view_rule(struct client_view *v, struct record const *r);

/* What the tables name, being gathered. */
struct name {
  enum form form;
  unsigned named;       /* NAMED_..., and LISTED: a domain whose recipients are listed */
  unsigned sender : 1, recipient : 1;
  size_t key;           /* in the classes' text */
};
struct raw_device {
  struct device_line line;
  size_t from, to;      /* in the classes' text: the words */
};
struct names {
  genalloc all;         /* struct name */
  genalloc devices;     /* struct raw_device */
};
#define LISTED 0x1000

int names_domain(struct names *x, struct classes *c, char const *key, size_t n, struct record const *r);
int names_route(struct names *x, struct classes *c, char const *key, size_t n);
int names_senders(struct names *x, struct classes *c, struct record const *r);
int names_mailbox(struct names *x, struct classes *c, unsigned named, char const *key, size_t n);
int names_relay(struct names *x, struct classes *c, unsigned table, char const *key, size_t n, struct record const *r);
int names_end(struct names *x, struct classes *c);  /* makes c's address classes and devices; frees x */

#endif
