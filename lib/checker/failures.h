/* Failed logins by address, across sessions, in a file of slots (slots/slots.h). Each failure fills a bucket that
 * leaks: `max` of them are forgotten in `forget` seconds. While it is full no login from there is checked. IPv6 counts
 * by networks of 64 bits. A slot's data: the bucket in thousandths of a failure, then milliseconds since 1970 of its
 * last change, 8 bytes each, little-endian. */
#ifndef CHECKER_FAILURES_H
#define CHECKER_FAILURES_H

#include "parse/ip.h"
#include "slots/slots.h"

struct failures {
  struct slots slots;
  uint32_t max, forget;
};

/* As slots_open. f->max and f->forget, at least 1, are the caller's. */
char const *failures_open(struct failures *f, char const *path);

void failures_close(struct failures *f);

/* A login from ip (len 0: unknown) is about to be checked, at `now` (milliseconds since 1970): it counts as failed
 * until failures_take_back, so that many at once get no further than one after the other. Returns how many have failed
 * there lately, with this one (1 without a file), or 0: too many, it must not be checked. */
uint32_t failures_begin(struct failures const *f, struct ip const *ip, int64_t now);

/* It was right, or nobody could tell. */
void failures_take_back(struct failures const *f, struct ip const *ip, int64_t now);

#endif
