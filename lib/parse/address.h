/* Paths and mailboxes of SMTP (RFC 5321 4.1.2, RFC 6531 3.3). */
#ifndef PARSE_ADDRESS_H
#define PARSE_ADDRESS_H

#include <stddef.h>
#include "base/limits.h"
#include "parse/domain.h"
#include "parse/ip.h"

enum address_error {
  ADDRESS_OK = 0,
  ADDRESS_SYNTAX,      /* 501 5.1.3 (recipient), 5.1.7 (sender) */
  ADDRESS_TOO_LONG,    /* path, local part or domain over its limit */
  ADDRESS_NEEDS_UTF8,  /* bytes from 0x80 on without SMTPUTF8: 553 5.6.7 */
};

struct address {
  char text[LIMIT_ADDRESS + 1]; /* local@domain as it travels on, NUL-terminated, no NUL, CR, LF or control within; the
                                   domain as the client spelled it without its trailing dot; "" is the null sender.
                                   A quoted local part that needs no quotes has lost them (RFC 5321 4.1.2, end) */
  size_t len;                   /* bytes of text */
  size_t local_len;             /* bytes of the local part in text; == len when there is no domain (postmaster) */
  char domain[DOMAIN_TEXT];     /* canonical (parse/domain.h), or the literal "[192.0.2.1]" / "[IPv6:2001:db8::1]"
                                   canonical; "" if none */
  unsigned literal : 1;         /* the domain is an address literal */
  unsigned utf8 : 1;            /* non-ASCII anywhere */
  unsigned onward : 1;          /* the local part could route once more: holds % ! @ or needs its quotes */
};

/* Reads a path at s[0..n): `<...>`, a source route (`<@a,@b:x@c>`) is dropped. `null_ok`: a sender (MAIL), `<>` is
 * allowed; else a recipient, which may do without domain if it is postmaster (any case). `utf8`: SMTPUTF8 was declared.
 * On ADDRESS_OK sets *used to the bytes up to and with `>`; what follows (parameters) is the caller's. On an error *a
 * means nothing. Any byte may occur in s. */
enum address_error address_path(struct address *a, char const *s, size_t n, int null_ok, int utf8, size_t *used);

/* The same for a bare mailbox `local@domain` or postmaster alone (rules, envelopes, relay-remote's arguments); all of
 * s[0..n) is read. The empty string is none: a null sender is the caller's to know. */
enum address_error address_mailbox(struct address *a, char const *s, size_t n, int utf8);

/* An address literal as it stands in configurations, all of s[0..n): the tag `IPv6:`, in any case, may be missing, or
 * stand before any address. SMTP is stricter (address_path). Any byte may occur. Returns 1, or 0. */
int address_literal_scan(struct ip *ip, char const *s, size_t n);

/* Writes the canonical one, "[192.0.2.1]" or "[IPv6:2001:db8::1]", with a NUL. Returns its length without it. */
#define ADDRESS_LITERAL (IP_TEXT + 7)
size_t address_literal_fmt(char out[ADDRESS_LITERAL], struct ip const *ip);

#define ADDRESS_KEY (LIMIT_ADDRESS + 1 + DOMAIN_TEXT)

/* The one form in which the rules are keyed by addresses: the local part with its ASCII letters in lower case, then `@`
 * and the canonical domain; no domain: the local part alone; "" for the null sender. Writes a NUL behind. Returns the
 * length. */
size_t address_key(char out[ADDRESS_KEY], struct address const *a);

#endif
