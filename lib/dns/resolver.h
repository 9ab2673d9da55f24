/* Questions to the DNS, through libresolv: UDP, and TCP when the answer is truncated. No search domains, no
 * /etc/hosts, no $HOSTALIASES: a name is asked as it is. Which server: $DNSCACHEIP, else /etc/resolv.conf (whose
 * options, and $RES_OPTIONS, set the timeouts). An answer comes from outside and may hold anything: it is read by
 * dns/answer.h alone.
 *
 * Whether the server has validated an answer (DNSSEC) it tells by the bit AD. That is believed of servers on this
 * machine (127.0.0.0/8, ::1), and where the operator said so: of $DNSCACHEIP's by a word of its own, of resolv.conf's
 * by `trust-ad` (resolv.conf(5)); of others it is not asked for, since whoever can forge their answers forges it. */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <resolv.h>
#include "parse/ip.h"

#define DNS_ANSWER 65535 /* bytes of the largest answer over TCP; RFC 1035 4.2.2 */

enum dns_state {
  DNS_FOUND,
  DNS_NONE,   /* the name exists (or may), but has no such record */
  DNS_NO_NAME,/* NXDOMAIN: the name does not exist */
  DNS_FAILED, /* no answer, SERVFAIL, REFUSED, or an answer that can't be read: try again later */
};

struct resolver {
  struct __res_state state;
  int ready;                /* state is initialised */
  unsigned char *answer;    /* DNS_ANSWER bytes, malloc'ed */
  int retrans, retry;       /* as the system is set up: seconds for a try, tries */
  unsigned trusted : 1;     /* the servers' word on validation is believed */
  unsigned secure : 1;      /* of the last question: DNS_FOUND, and the server has validated all of the answer */
  int64_t deadline;         /* the caller's to set: io_now's clock; 0: none. No question begins after it, and none is
                               repeated much beyond it (a server that keeps silent over TCP is not bounded) */
};

/* Makes ready. `server` is $DNSCACHEIP's value; null or empty: /etc/resolv.conf. trust: its word counts though it is on
 * another machine. Returns 0, or -1 with errno: EINVAL when `server` is no address, ENOMEM and the like. On 0
 * resolver_free undoes it. */
int resolver_init(struct resolver *r, char const *server, int trust);
void resolver_free(struct resolver *r);

/* Asks for records of a type (ns_t_mx, ...) of a canonical name (parse/domain.h). On DNS_FOUND the answer is in
 * r->answer, *len bytes, good until the next question; it may still turn out to hold no such record. */
enum dns_state resolver_ask(struct resolver *r, char const *name, int type, size_t *len);

/* Reads "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:5353", "[2001:db8::1]" or "2001:db8::1"; the port is 53 unless
 * given. Any byte may occur. Returns 1, or 0. */
int resolver_server(struct ip *ip, uint16_t *port, char const *s);

#endif
