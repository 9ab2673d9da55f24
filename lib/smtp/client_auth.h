/* AUTH as the client says it (RFC 4954): the dialogue. What a mechanism makes of it is the caller's, since this room
 * knows no cryptography. */
#ifndef SMTP_CLIENT_AUTH_H
#define SMTP_CLIENT_AUTH_H

#include <stddef.h>
#include "smtp/client_session.h"

#define CLIENT_SASL 1024        /* bytes of the longest message of a mechanism, either way */
#define CLIENT_SASL_ROUNDS 8    /* challenges at most */

struct client_sasl {
  char const *word;             /* AUTH's */
  unsigned deaf : 1;            /* what a challenge says does not count, nor whether it is base64 */
  /* Answers the server's challenge s[0..n), any bytes; s null: before there was one. Returns the bytes of out, or -1:
   * the mechanism waits for a challenge (s null), or can't take this one. */
  int (*answer)(void *arg, char const *s, size_t n, char out[CLIENT_SASL]);
  int (*proved)(void *arg);     /* may the server's success be believed? Null: yes */
};

enum client_authed {
  CLIENT_AUTHED,
  CLIENT_AUTH_REFUSED,  /* c->reply says why */
  CLIENT_AUTH_WRONG,    /* the mechanism did not take what the server said; the connection is of no more use */
  CLIENT_AUTH_BROKEN,   /* c->trouble says why */
};

/* What was sent is wiped from c's memory. */
enum client_authed client_auth(struct client *c, struct client_sasl const *m, void *arg);

#endif
