/* Reading the DNS' answers: pure, over bytes that may be anything. The records that count are those of the answer
 * section, of class IN, whose owner is the name that was asked or the end of the chain of CNAMEs that starts there. */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>
#include "parse/domain.h"
#include "parse/ip.h"

#define DNS_MX 16         /* mail exchangers kept of a domain: those of the best preferences */
#define DNS_ADDRESSES 8   /* addresses kept of a host, of each family */
#define DNS_ALIASES 10    /* CNAMEs followed within one answer */

struct mx {
  uint16_t preference;
  uint32_t random;          /* order among equals; the caller's to set, before the next answer */
  char host[DOMAIN_TEXT];   /* canonical */
};

struct mx_list {
  unsigned n;
  struct mx mx[DNS_MX];     /* unordered */
  unsigned null : 1;        /* the domain takes no mail: its only MX is "." (RFC 7505) */
  unsigned bad;             /* records left out: names that are none, and "." beside others */
  unsigned more;            /* records left out since there were DNS_MX others, not worse ones */
};

struct address_list {
  unsigned n;
  unsigned more;            /* left out since there were DNS_ADDRESSES others; counts up, the caller sets it to 0 */
  struct ip ip[2 * DNS_ADDRESSES];
};

/* Each reads an answer of len bytes to a question about canonical `name` and returns 0, or -1 when it is malformed
 * (l is then to be thrown away). An empty list and 0: no such records. */
int dns_answer_mx(struct mx_list *l, char const *name, unsigned char const *answer, size_t len);

/* type ns_t_a or ns_t_aaaa; addresses are appended to what l holds, at most DNS_ADDRESSES, each once. IPv4-mapped
 * IPv6 addresses become IPv4 (parse/ip.h), so that they can be recognised as ourselves. */
int dns_answer_addresses(struct address_list *l, char const *name, int type, unsigned char const *answer, size_t len);

#endif
