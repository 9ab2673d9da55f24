/* The next hop of a domain: `routes`, smtproutes(5) with bracketed IPv6 literals. */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include <stddef.h>
#include <stdint.h>
#include "parse/domain.h"
#include "table/table.h"

#define ROUTE_SOCKET 107 /* bytes of the longest path of a Unix socket (sun_path without its NUL) */
#define ROUTE_CA 256     /* bytes of the longest path of a file of CAs with its NUL */
#define ROUTE_TEXT (3 * (ROUTE_SOCKET + ROUTE_CA) + 2 * DOMAIN_TEXT + 64)

enum route_tls {
  ROUTE_TLS_MAY,      /* when the server offers it, whatever its certificate; else in the clear */
  ROUTE_TLS_NONE,     /* never */
  ROUTE_TLS_REQUIRED, /* never in the clear; whatever the certificate */
  ROUTE_TLS_VERIFY,   /* only with a certificate for `name` that a CA has signed */
};

struct route {
  char host[DOMAIN_TEXT];  /* where to connect: a name, an address in text ("192.0.2.1", "2001:db8::1"), with mx set
                              the domain itself, with local set the absolute path of a Unix socket */
  uint16_t port;           /* 25 unless the route says otherwise; means nothing with local */
  unsigned named : 1;      /* a line of `routes` names host: the operator chose it. Else a stranger did: who writes MX
                              records, or the literal behind an address's @ */
  unsigned mx : 1;         /* look MX up for host (no route, or one with an empty relay); else A and AAAA */
  unsigned local : 1;      /* host is a Unix socket's path; tls is ROUTE_TLS_NONE then */
  unsigned lmtp : 1;       /* LMTP (RFC 2033) instead of SMTP; only when named, never on port 25 */
  unsigned tls_now : 1;    /* TLS from the first byte (RFC 8314 3.3), no STARTTLS; tls is REQUIRED or VERIFY then */
  enum route_tls tls;
  char name[DOMAIN_TEXT];  /* VERIFY: whom the certificate must name, canonical; "": the host, each mail exchanger's own
                              name, or the address */
  char ca[ROUTE_CA];       /* the absolute path of the CAs to believe (PEM), whoever asks for a verification: the route
                              or MTA-STS; "": the system's. No NUL, CR, LF, control characters or spaces */
};

/* The route of a canonical domain or literal: exact, then wider suffixes (literals have none), then "". Returns 0, or
 * -1 (corrupt table, empty domain). A literal without a route, or with one whose relay is empty, goes to its address. t
 * may be null: no routes. */
int route_find(struct table_set const *t, char const *domain, struct route *r);

/* The line for it, if there is one. Returns 1, 0, or -1 when the table is corrupt. */
int route_record(struct table_set const *t, char const *domain, struct record *r);

/* Does mail for this canonical domain go where its MX records lead, by no relay of `routes`? A literal has none.
 * Returns 1, 0, or -1 when the table is corrupt. */
int route_by_mx(struct table_set const *t, char const *domain);

/* Reads one of the words that may stand behind `domain:relay:port`: lmtp, smtp, tls=HOW, name=HOST, ca=FILE. Host,
 * port, named, mx and local are the caller's to set before. *said (0 at first) keeps what was said. Any byte may occur
 * in s[0..n).
 * Returns null, or what is wrong with the word, to be put behind it (static). */
char const *route_option(struct route *r, unsigned *said, char const *s, size_t n);

/* After the last word: sets what follows from the rest (a socket speaks LMTP unless `smtp` was said, and no TLS), and
 * checks that all goes together. Returns null, or what is wrong (static). */
char const *route_settle(struct route *r, unsigned said);

/* Writes the words for a settled route, each with a NUL behind, as they stand in rules.cdb. Returns the bytes. */
size_t route_options(char out[ROUTE_TEXT], struct route const *r);

/* A settled route as one word, and back: "mx:example.com", "mx:example.com:2525", "mx:[192.0.2.1]", "mx:[2001:db8::1]"
 * where mail goes as its domain or literal says; by a relay "192.0.2.1:25", "[2001:db8::1]:25", "host.example:587",
 * "/run/lmtp.sock;lmtp"; then what is not usual, in this order, with `;` before each:
 * "host.example:24;lmtp;tls=verify;name=mail.example;ca=/etc/ca.pem". In paths %XX stands for `%`, `;` and all that is
 * no printable ASCII. fmt returns the length without the NUL; scan 1, or 0. */
size_t route_fmt(char out[ROUTE_TEXT], struct route const *r);
int route_scan(struct route *r, char const *s);

#endif
