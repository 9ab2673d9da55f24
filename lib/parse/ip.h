/* IP addresses and prefixes, in the one form in which the rules compare them. */
#ifndef PARSE_IP_H
#define PARSE_IP_H

#include <stddef.h>
#include <stdint.h>

#define IP_TEXT 46 /* bytes of the longest text with its NUL */

struct ip {
  uint8_t b[16]; /* network order; IPv4 in the first 4, the rest 0 */
  uint8_t len;   /* 4 or 16; 0: none */
};

/* Reads all of s[0..n) as an address: dotted quad of four decimal numbers without leading zeros, or RFC 4291
 * text. IPv4-mapped IPv6 (::ffff:a.b.c.d, in any spelling) becomes IPv4. Zone ids, octal, hex and short forms are
 * refused. Any byte may occur. Returns 1, or 0 (*ip is then untouched). */
int ip_scan(struct ip *ip, char const *s, size_t n);

/* Writes the canonical text (RFC 5952) with a NUL. Returns its length without it. */
size_t ip_fmt(char out[IP_TEXT], struct ip const *ip);

/* From the `len` (4 or 16) bytes of an address in network order; mapped addresses become IPv4. */
void ip_set(struct ip *ip, uint8_t const *b, unsigned len);

/* From a struct sockaddr of AF_INET or AF_INET6, mapped addresses as IPv4. Returns 1, or 0 for other families. */
struct sockaddr;
int ip_from_sockaddr(struct ip *ip, uint16_t *port, struct sockaddr const *sa);

/* Clears the bits behind the first `bits`. Returns 1 if one of them was set. */
int ip_mask(struct ip *ip, unsigned bits);

#endif
