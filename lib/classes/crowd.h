/* How many could be behind addresses: which part of the public internet a set of them is.
 *
 * Counted are public unicast addresses alone (RFC 6890): whoever has a private network has all of it, and nobody comes
 * from 240.0.0.0. An IPv6 address that stands for an IPv4 one (RFC 6052, 6to4, Teredo) counts as that: those who have
 * IPv4 addresses can come from it. What is added twice counts once. */
#ifndef CLASSES_CROWD_H
#define CLASSES_CROWD_H

#include <stdint.h>
#include <skalibs/genalloc.h>
#include "classes/range.h"
#include "parse/ip.h"

struct crowd {
  genalloc v4;   /* pairs of uint32_t, first and last */
  genalloc v6;   /* pairs of struct ip */
};
#define CROWD_ZERO { GENALLOC_ZERO, GENALLOC_ZERO }

struct census {
  uint64_t v4;
  struct wide v6; /* in 2000::/3, without those that stand for IPv4 */
};

/* Adds the addresses first..last, of one family; a prefix. Return 0, or -1 with errno ENOMEM. */
int crowd_add(struct crowd *x, struct ip const *first, struct ip const *last);
int crowd_add_prefix(struct crowd *x, struct ip const *ip, unsigned bits);
/* Counts those added so far. */
void crowd_count(struct crowd *x, struct census *n);
void crowd_free(struct crowd *x);

/* So many that nobody owns them all, and strangers are among them: a sixteenth of IPv4 (about fourteen /8) or, of IPv6,
 * half of what a whole region's registry gets (a /12). Per family: 4 or 16. */
int census_is_strangers(struct census const *n, uint8_t family);
/* More than most can mean: more than a /8 of IPv4 or a /16 of IPv6. */
int census_is_large(struct census const *n);

/* Stands one of the addresses for IPv4 ones? Returns how it is called, or null. */
char const *crowd_translated(struct ip const *first, struct ip const *last);

#endif
