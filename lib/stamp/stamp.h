/* A POP-before-SMTP stamp: somebody has just logged in by POP3 or IMAP from an address. One file for each address, of
 * the format of relay-ctrl: the name is the address, the modification time the time of the login, the body
 * `VARIABLE=value NUL` ... Of these we write and read
 *
 *   USER, DOMAIN   who logged in; relay-ctrl's. A user with `@` has no DOMAIN
 *   BOOTTIME       seconds since the machine's start (CLOCK_BOOTTIME) at the login
 *   NODE           the machine on which it was, if it was not this one (relay-pop-sync)
 *   NET=64         the stamp is of all the network of 64 bits whose first address is the name
 *
 * and pass over all others: nothing in a file ever becomes a variable of a program. Pure. */
#ifndef STAMP_STAMP_H
#define STAMP_STAMP_H

#include <stddef.h>
#include <stdint.h>
#include "parse/ip.h"

#define STAMP_USER 256    /* bytes of user and domain, `user@domain`, with the NUL */
#define STAMP_NODE 128    /* bytes of a node's name with the NUL */
#define STAMP_BODY 1024   /* bytes of the largest file that is read; ours are smaller */
#define STAMP_SECONDS 300 /* how long a stamp is fresh, unless somebody says otherwise */

struct stamp {
  struct ip ip;            /* whose; with net: the network's first address */
  unsigned net : 1;        /* IPv6: it is of the whole network of 64 bits */
  char user[STAMP_USER];   /* no control characters; "": it isn't known */
  char node[STAMP_NODE];   /* letters, digits, . _ -; "": this machine */
  int64_t time;            /* of the login, seconds since 1970 */
  int64_t boot;            /* the same in seconds since the machine's start; -1: unknown */
};

/* May this be a user's name: fewer than STAMP_USER bytes, no control character, UTF-8? `n` 0: no. May this be a
 * node's? */
int stamp_is_user(char const *s, size_t n);
int stamp_is_node(char const *s, size_t n);

/* Writes the body; never an empty one. Returns its length. */
size_t stamp_fmt(char out[STAMP_BODY], struct stamp const *s);

/* Reads a body, s[0..n), any bytes, into user, node, boot and net. Returns 1, or 0 when it is none: nothing in it, no
 * NUL at its end, a variable without `=`, one of ours twice or with a value that it can't have; *out then means
 * nothing. USER may be empty; USER=joe DOMAIN=example.com is joe@example.com. */
int stamp_scan(struct stamp *out, char const *s, size_t n);

/* The name of a file, s[0..n): an address, as ip_fmt writes it, and nothing else. Returns 1, or 0. */
int stamp_name_scan(struct ip *ip, char const *s, size_t n);

/* The first address of ip's network of 64 bits, which stands for all of it. IPv4: itself. */
struct ip stamp_network(struct ip const *ip);

/* How old it is, in seconds, when the clocks say `now` and `boot`; -1: it is from the future, so the clock has gone
 * backwards and nobody knows, whatever `boot` says: the machine may have been restarted. Else of both clocks the
 * greater age counts: one that was set back makes no stamp younger. Where `boot` is unknown (-1) or less than the
 * stamp's, which is then of an earlier run of the machine, the first clock alone counts. */
int64_t stamp_age(struct stamp const *s, int64_t now, int64_t boot);

#endif
