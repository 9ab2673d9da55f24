/* Domain names, in the one form in which tables are keyed and looked up: lower case, A-labels (RFC 5890; U-labels are
 * turned into them with RFC 3492), no trailing dot. */
#ifndef PARSE_DOMAIN_H
#define PARSE_DOMAIN_H

#include <stddef.h>

#define DOMAIN_TEXT 256 /* bytes of the longest name with its NUL; RFC 1035 2.3.4 */

/* Reads s[0..n) as a domain of LDH labels and U-labels (RFC 5321 4.1.2, RFC 6531 3.3), underscores allowed; one
 * trailing dot is dropped. Writes the canonical form with a NUL. Any byte may occur; invalid UTF-8 is refused, and
 * so are characters that others read as a dot, as ASCII, as a space or as nothing, and a last label that makes the
 * name look like an address (`1.2.3.4`, `2130706433`, `0x7f.1`; RFC 3696 2). Latin, Greek and Cyrillic capitals
 * become small ones (RFC 5895); U-labels are otherwise expected to be in NFC, as RFC 5891 asks.
 * Returns the canonical length (1 to 253), or 0. */
size_t domain_canon(char out[DOMAIN_TEXT], char const *s, size_t n);

/* The next wider suffix of a canonical name: "a.b.c" -> ".b.c", ".b.c" -> ".c", ".c" and "c" -> "" (static), "" ->
 * 0. The order in which tables with suffix keys (smtproutes(5)) are asked. An address literal "[...]" -> "". */
char const *domain_wider(char const *name);

#endif
