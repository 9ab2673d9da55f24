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
#define DNS_TLSA 64       /* TLSA records kept of a name */
#define DNS_TLSA_DATA 65536 /* bytes for their data: those of any answer */

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
  unsigned secure : 1;      /* mx_find: all of it was validated */
  char owner[DOMAIN_TEXT];  /* the end of the CNAMEs that start at the domain, canonical; "" when that is no name */
};

struct address_list {
  unsigned n;
  unsigned more;            /* left out since there were DNS_ADDRESSES others; counts up, the caller sets it to 0 */
  struct ip ip[2 * DNS_ADDRESSES];
  unsigned secure : 1;      /* addr_find: all of them, and the CNAMEs that lead to them, were validated */
  unsigned aliased : 1;     /* a CNAME stands at the name, whatever it leads to; the caller sets it to 0 */
  char owner[DOMAIN_TEXT];  /* as mx_list has it; the caller sets it to "" */
};

/* Of a TLS server's certificate (RFC 6698 2.1), as it stands in the DNS: nothing is checked. */
struct tlsa {
  uint8_t usage, selector, matching;
  uint16_t len;
  uint32_t at;              /* its data: len bytes of the list's, from here on */
};

struct tlsa_list {
  unsigned n;
  struct tlsa tlsa[DNS_TLSA];
  unsigned more;            /* records left out since there were DNS_TLSA others */
  unsigned secure : 1;      /* tlsa_find: all of it was validated */
  uint32_t len;
  unsigned char data[DNS_TLSA_DATA];
};

/* Each reads an answer of len bytes to a question about canonical `name` and returns 0, or -1 when it is malformed
 * (l is then to be thrown away). An empty list and 0: no such records. */
int dns_answer_mx(struct mx_list *l, char const *name, unsigned char const *answer, size_t len);

/* type ns_t_a or ns_t_aaaa; addresses are appended to what l holds, at most DNS_ADDRESSES, each once. IPv4-mapped
 * IPv6 addresses become IPv4 (parse/ip.h), so that they can be recognised as ourselves. */
int dns_answer_addresses(struct address_list *l, char const *name, int type, unsigned char const *answer, size_t len);

/* `name` may be any name in text, as _25._tcp.mx.example. */
int dns_answer_tlsa(struct tlsa_list *l, char const *name, unsigned char const *answer, size_t len);

/* The TXT records of a name in text, as _mta-sts.example: `each` gets every one, its strings joined (RFC 8461 3.1). */
typedef void dns_txt_fn(void *arg, char const *s, size_t len);
int dns_answer_txt(dns_txt_fn *each, void *arg, char const *name, unsigned char const *answer, size_t len);

#endif
