/* What the parts of a proof share; for this room alone. Functions return 0, or -1 with errno, unless they say
 * otherwise. */
#ifndef PROVE_WORK_H
#define PROVE_WORK_H

#include "prove/prove.h"

struct work {
  struct proof *p;
  struct table_set const *t;
  struct classes const *c;
  stralloc traits;            /* two bytes for each address class: as a sender, as a recipient */
  genalloc costs;             /* uint32_t for each: the bytes of its example, and more where it reads worse */
  size_t sender[TRAITS], recipient[TRAITS]; /* the cheapest class with these traits, or CLASSES_NONE */
  stralloc devices;           /* a byte for each client class: DEVICES_... */
  struct devices *lines;      /* devices.c's */
  unsigned clients_relay : 1; /* RELAYCLIENT helps: `grant clients` is there, and no requirement forbids it */
  size_t stranger;            /* a client class, or CLASSES_NONE */
  char const *stamped;        /* a listener on which POP stamps count, if there is `grant pop` */
  struct ip outside;          /* an address of which no `grant to-host` says anything; len 0: none */
};

#define SENDER_TRAITS(w, i) ((unsigned char)(w)->traits.s[2 * (i)])
#define RECIPIENT_TRAITS(w, i) ((unsigned char)(w)->traits.s[2 * (i) + 1])
#define COST(w, i) genalloc_s(uint32_t, &(w)->costs)[i]

/* Nobody's but for a grant. */
#define RELAYED(traits) (!((traits) & (RECIPIENT_ONWARD | RECIPIENT_DENIED | RECIPIENT_HOSTED | RECIPIENT_GRANTED)))

/* What decide() says of a way: 1: relayed, 0: not, -1 with errno. d may be null. */
int work_ask(struct work *w, struct way const *way, struct decision *d);

/* Tries all pairs of groups and all sessions for the client of `way`. Returns 1 with the cheapest way that relays, 0
 * when there is none, -1 with errno. Senders with one of the traits `without` are left out. */
int work_pairs(struct work *w, struct way *way, unsigned without);
/* The same for one sender. */
int work_sender(struct work *w, struct way *way, size_t sender);

/* The way's cost. */
void work_cost(struct work *w, struct way *way);

/* Keeps an opening. */
int work_open(struct work *w, struct opening *o);

/* Looks for a line of `relay`: 1, 0, -1 with errno. */
int work_line(struct work *w, char const *what, struct record *r);

void amount_add(struct amount *a, struct ip const *first, struct ip const *last);

/* Each kind of opening. */
int open_strangers(struct work *w);
int open_crowd(struct work *w);
int open_names(struct work *w);
int open_to_host(struct work *w);
int open_suffixes(struct work *w);

/* Writes down what the lines say that openings name. */
int says_gather(struct work *w);

/* Fills in w->devices and the proof's sum of devices. Free in any case. */
enum { DEVICES_NONE, DEVICES_VOID /* has lines, but none grants anything */, DEVICES_RELAY };
int devices_mark(struct work *w);
void devices_free(struct work *w);

/* The line by which clients of a class, DEVICES_RELAY, relay: the one with the shortest prefix. */
struct device_line const *devices_line(struct work *w, size_t client);
/* Fills in the way of a client of that class, who is `named` by a proxy or comes himself. Returns 1, -1 with errno. */
int devices_way(struct work *w, struct way *way, size_t client, int named);

/* Does RELAYCLIENT help? Fills in w->clients_relay. */
int clients_mark(struct work *w);

/* A top-level domain of the public DNS, not a special-use name? Or one of the best-known two labels below which anybody
 * gets names? */
int label_is_public(char const *label);

#endif
