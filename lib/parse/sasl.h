/* What a client says in a SASL dialogue (RFC 4954, RFC 4616, RFC 2195), and the AUTH parameter of MAIL. Nothing is
 * copied: what is a secret stays where the caller can wipe it. */
#ifndef PARSE_SASL_H
#define PARSE_SASL_H

#include <stddef.h>

/* A piece of the caller's bytes. */
struct piece { char const *s; size_t len; };

/* The argument of AUTH, s[0..n) without spaces around it: mechanism [SP initial-response]. `initial`: s null when there
 * is none; `=` stands for an empty one and is returned as such. Returns 1, or 0. Any byte may occur in s. */
int sasl_auth(struct piece *mechanism, struct piece *initial, char const *s, size_t n);

/* PLAIN's message: [authzid] NUL authcid NUL passwd. Returns 1, or 0 when it is none (RFC 4616 2: authcid and passwd
 * are not empty, none holds a NUL). */
int sasl_plain(struct piece *authzid, struct piece *authcid, struct piece *passwd, char const *s, size_t n);

/* CRAM-MD5's: user SP digest, 32 digits of hexadecimal in lower case; the user may hold spaces. Returns 1, or 0. */
int sasl_cram(struct piece *user, struct piece *digest, char const *s, size_t n);

/* May this be a user's name? Not empty, neither NUL nor another control character of ASCII, at most `max` bytes. */
int sasl_user(struct piece const *user, size_t max);

/* Is s[0..n) xtext (RFC 3461 4), or `<>`? What the AUTH parameter of MAIL takes (RFC 4954 5). */
int sasl_auth_parameter(char const *s, size_t n);

#endif
