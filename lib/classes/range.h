/* Addresses as numbers, and numbers of addresses. */
#ifndef CLASSES_RANGE_H
#define CLASSES_RANGE_H

#include <stddef.h>
#include <stdint.h>
#include "parse/ip.h"

/* A number of addresses, below 2 to the 128th. */
struct wide {
  uint64_t high, low;
};

/* Adds; compares (-1, 0, 1). */
void wide_add(struct wide *x, struct wide y);
int wide_cmp(struct wide x, struct wide y);

/* Decimal, with a NUL. Returns the length without it. */
#define WIDE_TEXT 40
size_t wide_fmt(char out[WIDE_TEXT], struct wide x);

/* IPv4 before IPv6, then by number: -1, 0, 1. */
int range_cmp(struct ip const *a, struct ip const *b);

/* The next and the previous address. Return 1, or 0 when there is none (*ip is then worth nothing). */
int range_next(struct ip *ip);
int range_previous(struct ip *ip);

/* The last address of a prefix, whose first is ip. */
void range_last(struct ip *ip, unsigned bits);

/* How many addresses first..last are; they are of one family, and not all of IPv6. */
struct wide range_size(struct ip const *first, struct ip const *last);
/* How many of them are global: IPv4, or in 2000::/3 (RFC 4291 2.4). */
struct wide range_global(struct ip const *first, struct ip const *last);

/* The address from first..last that reads best. Returns how it does: the less the better, below 4 it is for
 * documentation, RANGE_OTHER none of the public internet. */
#define RANGE_OTHER 5
unsigned range_example(struct ip *ip, struct ip const *first, struct ip const *last);

#endif
