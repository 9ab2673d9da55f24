/* The receiving session (RFC 5321, with SIZE, PIPELINING, 8BITMIME, ENHANCEDSTATUSCODES, CHUNKING, SMTPUTF8, AUTH and
 * STARTTLS, DSN):
 * commands in, replies out, messages to an injector. It knows no descriptors, no environment and no processes: those
 * come as functions and facts, so that tests can play network and queue. */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "ask/ask.h"
#include "checker/checker.h"
#include "checker/failures.h"
#include "parse/ip.h"
#include "queue/inject.h"
#include "queue/store.h"
#include "table/table.h"

/* What is known about the connection before its first byte. Strings may hold any byte but NUL (they come from the
 * environment); null when unknown. All must outlive the session. */
struct server_facts {
  struct table_set const *tables;  /* null: there are none, every recipient is answered 451 */
  char const *name;                /* of this host, for the case that the tables don't tell */
  char const *listener;            /* "" for the plain one */
  unsigned lf_ok : 1;              /* a bare LF from a trusted client is a line's end; in a message LF . LF is the end
                                      if DATA itself ended with LF */
  struct ip client;                /* who connects; len 0: unknown */
  char const *client_host;         /* its name in the DNS */
  char const *client_info;         /* what its ident server says */
  char const *relayclient;         /* not null: the gate trusts the client; appended to each recipient */
  char const *relayby;             /* the rule that did, "clients:12" */
  char const *stamp;               /* the user of a fresh POP stamp, "" when it names none; null: no stamp */
  int64_t stamp_until;             /* until when: seconds of CLOCK_BOOTTIME. MAIL and RCPT come to know no stamp then */
  unsigned stamp_unknown : 1;      /* whether there is one could not be told */
  char const *databytes;           /* decimal, overrides the limit `size` */
  unsigned no_dsn : 1;             /* notifications can't be asked for: the injector would not heed it */
  unsigned auth_clear : 1;         /* AUTH is allowed without TLS */
  unsigned auth_quiet : 1;         /* AUTH is not announced */
  unsigned challenge_first : 1;    /* of CRAM-MD5 the checker gets the challenge before the response */
  unsigned mechanisms;             /* of AUTH, a set of 1U << checker_mechanism; 0: all */
  char const *tls_protocol;        /* not null: the session is under TLS from its start; "TLSv1.3" */
  char const *tls_cipher;
  char const *tls_user;            /* whom the client's certificate, verified, names */
};

/* tls_user by the variables SSL_CLIENT_VERIFY and SSL_CLIENT_S_DN_CN (each may be null): the second, or null when the
 * certificate was not verified. */
char const *server_tls_user(char const *verified, char const *cn);

/* How logins are checked: checker/checker.h's functions, and checker/failures.h's. */
struct server_auth {
  int (*start)(void *arg, enum checker_mechanism m);
  void (*ask)(void *arg, char const *s, size_t n);
  ssize_t (*exchange)(void *arg, char const *s, size_t n, char out[CHECKER_MESSAGE], int64_t deadline);
  void (*finish)(void *arg, int64_t deadline, struct checker_answer *a);
  void (*abort)(void *arg);
  uint32_t (*begin)(void *arg, struct ip const *client);
  void (*take_back)(void *arg, struct ip const *client);
  void (*wait)(void *arg, int64_t milliseconds);
};

/* What the session does to the world. Deadlines are io_now's clock (base/io.h). */
struct server_world {
  void *arg;
  /* As io_read and io_write. */
  ssize_t (*read)(void *arg, char *buf, size_t len, int64_t deadline);
  int (*write)(void *arg, char const *s, size_t len, int64_t deadline);
  /* A new message's ID, and queue/inject.h's functions. One message at a time. */
  void (*id)(void *arg, char out[STORE_ID + 1]);
  int (*start)(void *arg, char const *id, int utf8);
  void (*body)(void *arg, char const *s, size_t len, int64_t deadline);
  void (*finish)(void *arg, char const *sender, char const *recipients, size_t n, int64_t deadline,
                 struct inject_result *r);
  void (*abort)(void *arg);
  /* ask/ask.h's question. */
  void (*ask)(void *arg, enum ask_kind kind, char const *subject, int64_t deadline, struct ask_answer *out);
  /* Tells the programs that are started later: a variable of their environment, or that it has none (null). May be
   * null. */
  void (*set)(void *arg, char const *name, char const *value);
  struct server_auth const *auth;  /* null: there is no checker, and no AUTH */
  /* Begins TLS at the client's wish: what is read and written from now on is under it. Fills vars with what is known
   * about it, `SSL_NAME=VALUE NUL` ..., and returns 0; -1: nothing can be said to the client any more. Null: there is
   * no TLS. */
  int (*tls)(void *arg, stralloc *vars, int64_t deadline);
  /* Could TLS begin now? Null: yes, if it can at all. */
  int (*tls_there)(void *arg);
  /* queue/sheet.h's bytes, before finish, if there is anything to tell. Null: nobody wants them. */
  void (*sheet)(void *arg, char const *s, size_t n);
};

/* Speaks until QUIT, the other end's close, or a limit. No message is left half done: the injector is ended in every
 * case. */
void server_run(struct server_facts const *facts, struct server_world const *world);

/* The real world: descriptors in and out, `program` (null: inject.h's choice) as the injector, the path of rules.cdb
 * for relay-ask (null: as ask/ask.h has it), and the seconds that a read usually may take (the limit command-time).
 * inject_signals must have been called. server_world_close ends what was started,
 * and where there is a provider of TLS what is said to the client. */
struct server_fds {
  int in, out;
  char const *program;
  struct inject inject;
  struct ask ask;
  char const *const *checker;  /* its words, null behind; null: none */
  struct checker checking;
  struct failures failures;
  char const *failures_path;
  unsigned failures_known : 1; /* it was tried to open the file */
  int tls[3];            /* SSLCTLFD, SSLREADFD, SSLWRITEFD; the first is -1: there is no TLS */
  uint32_t seconds;
  int64_t patience;      /* milliseconds that the kernel waits in a read; 0: `in` is no socket, each read is polled */
};
void server_world_fds(struct server_world *w, struct server_fds *f, int in, int out, uint32_t seconds,
                      char const *program, char const *rules);
/* Reads and writes there from now on. */
void server_fds_take(struct server_fds *f, int in, int out);
/* Adds logins: `checker` and the file at `path` (failures.h) must outlive f. Adds STARTTLS, by a provider of UCSPI-TLS
 * at those descriptors, which become ours. */
void server_world_auth(struct server_world *w, struct server_fds *f, char const *const *checker, char const *path,
                       struct table_set const *limits);
void server_world_tls(struct server_world *w, struct server_fds *f, int const fds[3]);
void server_world_close(struct server_fds *f);

#endif
