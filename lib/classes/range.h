/* Addresses as numbers; for this room alone. */
#ifndef CLASSES_RANGE_H
#define CLASSES_RANGE_H

#include "classes/classes.h"

/* IPv4 before IPv6, then by number: -1, 0, 1. */
int range_cmp(struct ip const *a, struct ip const *b);

/* The next and the previous address. Return 1, or 0 when there is none (*ip is then worth nothing). */
int range_next(struct ip *ip);
int range_previous(struct ip *ip);

/* The last address of a prefix, whose first is ip. */
void range_last(struct ip *ip, unsigned bits);

/* How many addresses first..last are; they are of one family, and not all of IPv6. */
struct wide range_size(struct ip const *first, struct ip const *last);

/* The address from first..last that reads best (0: documentation, 1: any of the public internet, 2: other). */
unsigned range_example(struct ip *ip, struct ip const *first, struct ip const *last);

#endif
