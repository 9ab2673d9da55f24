/* Logins at relays: lines of `logins` in logins.cdb, a file of its own (table/table.h), since few may read it. Keys:
 *
 *   host.example:587   host.example   192.0.2.1:25   [2001:db8::1]:25   [2001:db8::1]   /run/lmtp.sock    a relay
 *   .example                                             a relay whose name is below it
 *   from:joe@example.com   from:@example.com   from:@.example.com    mail of this sender, whichever relay
 *
 * A record is SHA-256 over the key and what follows, so that damage is seen and no other password is sent; then, NUL
 * behind each: user, password, mechanism ("" for any), "clear" or "", and the key of the relay for which alone a
 * sender's line is ("" for any). Pure but for the look-ups; nothing here is ever to be logged but line and user. */
#ifndef POLICY_LOGINS_H
#define POLICY_LOGINS_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>
#include "policy/route.h"
#include "table/table.h"

#define LOGIN_USER 256      /* bytes of the longest with its NUL; RFC 4616 2 */
#define LOGIN_PASSWORD 512

/* X(name, word) */
#define LOGIN_MECHANISMS(X) \
  X(LOGIN_ANY, "") \
  X(LOGIN_PLAIN, "plain") \
  X(LOGIN_LOGIN, "login") \
  X(LOGIN_CRAM_MD5, "cram-md5") \
  X(LOGIN_SCRAM_SHA_256, "scram-sha-256")

enum login_mechanism {
#define X(name, word) name,
  LOGIN_MECHANISMS(X)
#undef X
  LOGIN_MECHANISM_COUNT
};
char const *login_mechanism_word(enum login_mechanism m);

/* Strings end with a NUL and hold no NUL, CR or LF, any byte else. Wipe it after use. */
struct login {
  char user[LOGIN_USER];
  char password[LOGIN_PASSWORD];
  enum login_mechanism mechanism; /* this one alone; LOGIN_ANY: the strongest that is offered */
  unsigned clear : 1;             /* the password may be sent without TLS, too (PLAIN, LOGIN) */
  unsigned by_sender : 1;         /* the line is a sender's, not the relay's: set by logins_find */
  uint32_t line;                  /* of `logins` */
};

/* The login for mail of this sender (as in MAIL, "" for null) at a route's relay: the sender's own line, that of its
 * domain, of wider suffixes; then that of host and port, host, wider suffixes. A host that `routes` does not name has
 * none: whose password it is did not choose that server. t null: no logins. Returns 1, 0 when there is none, -1 when
 * the table is corrupt (*l means nothing then). */
int logins_find(struct table_set const *t, struct route const *r, char const *sender, struct login *l);

/* A relay's key: with its port, or without (port 0). Writes a NUL behind; returns the length. */
#define LOGIN_RELAY (DOMAIN_TEXT + 16)
size_t logins_relay(char out[LOGIN_RELAY], char const *host, uint16_t port);

/* Appends a record's data. at: the relay's key, or "". Returns 1, or 0 without memory. */
int logins_pack(stralloc *out, char const *key, size_t len, struct login const *l, char const *at);

#endif
