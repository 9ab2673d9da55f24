/* Can a stranger relay? An exact answer for compiled tables, by decide() itself.
 *
 * A stranger has no login and no stamp, nor does it help him that stamps can't be read, and his address is not trusted.
 * He may use TLS, any listener, any sender, any recipient, and is to reach no recipient but those that are hosted or
 * granted (`grant to`, `grant to-host`). Trust in too many is trust in strangers: what is open is
 *
 *   - a stranger's recipient that decide() accepts for relaying though no `grant to` fits (`grant anyone`, `grant
 *     sender`, and whatever else decide() may come to accept);
 *   - clients that relay, so many that strangers are among them (classes/crowd.h): those with RELAYCLIENT if `grant
 *     clients` lets them, those for whom some `grant device` line grants anything, and those with RELAYPROXY, who may
 *     name any of these; all kinds together. Counted are the addresses that relay-gate lets in: what other lines deny
 *     or do not trust is subtracted. The line with the largest part is the one to blame;
 *   - RELAYCLIENT or RELAYPROXY for everybody else (the rule for everybody sets it, and some address is left to that
 *     rule), or for all names or those below a public top-level domain;
 *   - `grant to-host` prefixes that sum up to so many, if any domain's mail goes by its MX records: what lies there is
 *     no destination of ours;
 *   - a suffix of one label, hosted or granted, that is no special-use name (RFC 6761, RFC 9476, ...), or one of some
 *     well-known public suffixes of two: not all below it is ours, unless a line `own` says so.
 *
 * Who declares `grant anyone` declares all else, too.
 *
 * Why it is exact. The classes (classes/classes.h) leave finitely many clients, senders, recipients. Grants and
 * requirements look at the client (trusted or not, its device lines), the session, the sender's traits and the
 * recipient's traits one by one, and only `grant device` looks at pairs. So senders are grouped by their traits,
 * recipients too, and decide() is asked for each pair of groups in each of a stranger's sessions: what it says of a
 * pair it says of all members. (Where that finds nothing, it is asked for every single class, too: then the verdict
 * stands even if the traits have forgotten something.) Each `grant sender` line is then asked for by itself, to know
 * which are open and whether each says so. A device line holds for a client of its prefix, a sender of its FROM and a
 * recipient of its TO, whoever else they are: for each FROM the best sender that fulfils the requirements and for each
 * TO a recipient that is not hosted, granted or denied decide whether the line opens anything, and decide() is asked
 * for that pair. */
#ifndef PROVE_PROVE_H
#define PROVE_PROVE_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "classes/classes.h"
#include "classes/crowd.h"
#include "parse/domain.h"
#include "policy/decide.h"
#include "policy/pop.h"

enum opening_kind {
  OPENING_ANYONE,     /* grant anyone */
  OPENING_SENDER,     /* grant sender */
  OPENING_CLIENTS,    /* RELAYCLIENT for too many addresses */
  OPENING_NAMES,      /* RELAYCLIENT for too many names */
  OPENING_PROXIES,    /* RELAYPROXY for too many addresses */
  OPENING_DEVICES,    /* grant device */
  OPENING_TO_HOST,    /* grant to-host */
  OPENING_HOSTED,     /* domains: a public suffix */
  OPENING_GRANTED,    /* grant to: a public suffix */
  OPENING_OTHER,      /* decide() accepts, for another reason */
};

/* A stranger's way in. */
struct way {
  struct ip client;          /* from where he connects */
  char host[DOMAIN_TEXT];    /* the name of that address; "": it does not matter */
  struct ip named;           /* for whom he says to speak, being a proxy; len 0: none */
  unsigned trusted : 1;      /* the gate sets RELAYCLIENT */
  unsigned tls : 1;          /* TLS is needed */
  unsigned submission : 1;   /* the listener is so called */
  unsigned asked : 1;        /* the next hop says yes to the recipient */
  size_t sender, recipient;  /* numbers of address classes */
  struct ip mx;              /* where the recipient's MX leads; len 0: nobody asks */
  size_t cost;               /* the least is the shortest: lines, then names from the tables or any other, then bytes */
};

/* So many addresses. */
struct amount {
  uint64_t v4;
  struct wide v6;            /* of those in 2000::/3 */
};

struct opening {
  enum opening_kind kind;
  struct record record;      /* the line that opens */
  struct record grant;       /* OPENING_CLIENTS, _NAMES, _PROXIES: the line `grant clients`, if that is what grants */
  unsigned declared : 1;     /* the line says `forgeable` or `open-relay` */
  unsigned everybody : 1;    /* not the sum, but the rule for everybody */
  uint8_t family;            /* too many of IPv4 (4) or of IPv6 (16), other lines together; 0: the line by itself */
  struct way way;
};

struct lines {
  uint32_t first;            /* the lowest line; 0: none */
  size_t n;
};

/* A line of the rules that an opening names. */
struct said {
  char const *data;          /* the record's */
  size_t at, len;            /* its text, within the proof's; at SIZE_MAX: not found */
};

struct proof {
  struct classes classes;
  genalloc openings;         /* struct opening: undeclared ones before the others, the shortest way first */
  genalloc said;             /* struct said, by data */
  stralloc text;
  size_t undeclared;         /* how many of them no line declares */
  size_t decisions;          /* calls of decide() */
  size_t intervals, clients, senders, recipients, sender_groups, recipient_groups;
  struct amount trusted, proxies, devices; /* let in and trusted so, if that grants anything */
  struct lines names, users; /* rules of `clients` that trust a name, or a user of an address or name */
  uint8_t strangers;         /* some stranger may connect */
  /* Such lines are there: what the proof rests on follows. */
  uint8_t to_host, logins, stamps, hosted, aliases, suffixes, owned;
  struct pop_grant pop;      /* if there are stamps */
  int64_t milliseconds;
};

/* Proves. t must stay open as long as p. Returns 0, or -1 with errno (ENOMEM; EPROTO: the table is corrupt). Free p in
 * any case. */
int prove(struct proof *p, struct table_set const *t);
void proof_free(struct proof *p);

#define proof_opening(p, i) (genalloc_s(struct opening, &(p)->openings) + (i))
#define proof_openings(p) genalloc_len(struct opening, &(p)->openings)

#endif
