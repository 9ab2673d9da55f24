/* relay-conf's command line: a word that says what to make, where, and options by name. */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include <skalibs/stralloc.h>

/* What can be made; bits, since an option says for which of them it is. */
#define CONF_CONTROL 1U
#define CONF_QUEUE 2U
#define CONF_RECEIVE 4U
#define CONF_SEND 8U
#define CONF_XINETD 16U
#define CONF_SYSTEMD 32U
#define CONF_CACHE 64U
#define CONF_TLS 128U
#define CONF_STAMPS 256U
#define CONF_SYNC 512U
#define CONF_POLICIES 1024U
#define CONF_CHAIN (CONF_RECEIVE | CONF_XINETD | CONF_SYSTEMD)

enum conf_kind {
  KIND_FLAG,    /* no argument */
  KIND_PATH,    /* a path; comes out absolute */
  KIND_WORD,    /* no spaces, no controls */
  KIND_ADDRESS, /* an IP address or a host name */
  KIND_NUMBER,  /* decimal */
};

#define CONF_SOCKET "/run/posthouse/tlsd" /* relay-tlsd's */

/* X(C name, option, argument in the usage, kind, what it is for, default, least, most) */
#define CONF_OPTIONS(X) \
  X(USER, "--user", "NAME", KIND_WORD, CONF_CHAIN | CONF_CACHE | CONF_TLS, 0, 0, 0)     /* of the receiving chain */ \
  X(QUEUE_USER, "--queue-user", "NAME", KIND_WORD, CONF_QUEUE | CONF_SEND | CONF_SYSTEMD, 0, 0, 0) \
  X(REMOTE_USER, "--remote-user", "NAME", KIND_WORD, \
    CONF_SEND | CONF_SYSTEMD | CONF_POLICIES, 0, 0, 0)                                  /* of relay-remote */ \
  X(TLS_USER, "--tls-user", "NAME", KIND_WORD, CONF_TLS | CONF_SYSTEMD, 0, 0, 0)        /* account of relay-tlsd */ \
  X(LOG_USER, "--log-user", "NAME", KIND_WORD, CONF_RECEIVE | CONF_SEND | CONF_TLS | CONF_SYNC, 0, 0, 0) \
  X(ONE_USER, "--one-user", 0, KIND_FLAG, ~CONF_CONTROL, 0, 0, 0)                       /* nobody but who starts it */ \
  X(CONTROL, "--control", "DIR", KIND_PATH, CONF_CHAIN | CONF_SEND, CONTROL_DIR, 0, 0) \
  X(QUEUE, "--queue", "DIR", KIND_PATH, CONF_CHAIN | CONF_SEND, SPOOL_DIR "/queue", 0, 0) \
  X(CACHE, "--cache", "FILE", KIND_PATH, CONF_CHAIN, SPOOL_DIR "/asked", 0, 0)          /* relay-ask's */ \
  X(POLICIES, "--policies", "DIR", KIND_PATH, CONF_SEND | CONF_SYSTEMD, 0, 0, 0) /* of MTA-STS */ \
  X(BIN, "--bin", "DIR", KIND_PATH, CONF_CHAIN | CONF_SEND | CONF_TLS | CONF_SYNC, BIN_DIR, 0, 0) \
  X(TLS, "--tls", "SOCKET", KIND_PATH, CONF_CHAIN, 0, 0, 0)                             /* relay-tls */ \
  X(TLS_NOW, "--tls-now", 0, KIND_FLAG, CONF_CHAIN, 0, 0, 0)                            /* relay-tls -i */ \
  X(LOGINS, "--logins", 0, KIND_FLAG, CONF_CHAIN, 0, 0, 0)                              /* relay-auth */ \
  X(FAILURES, "--failures", "FILE", KIND_PATH, CONF_CHAIN, SPOOL_DIR "/failures", 0, 0) /* of logins */ \
  X(SOCKET, "--socket", "SOCKET", KIND_PATH, CONF_TLS, CONF_SOCKET, 0, 0) \
  X(CERTIFICATES, "--certificates", "DIR", KIND_PATH, CONF_TLS | CONF_SYSTEMD, CONTROL_DIR "/tls", 0, 0) \
  X(SYNC_USER, "--sync-user", "NAME", KIND_WORD, CONF_SYNC, 0, 0, 0)                    /* of relay-pop-sync */ \
  X(STAMPS, "--stamps", "DIR", KIND_PATH, CONF_SYNC | CONF_CHAIN, SPOOL_DIR "/stamps", 0, 0) /* a chain: no default */ \
  X(STAMP_GROUP, "--stamp-group", "NAME", KIND_WORD, CONF_STAMPS | CONF_SYSTEMD, 0, 0, 0) /* may write there */ \
  X(SERVER, "--server", "HOST[:PORT]", KIND_WORD, CONF_SYNC, "127.0.0.1", 0, 0)         /* Redis or Valkey */ \
  X(KEY, "--key", "FILE", KIND_PATH, CONF_SYNC, CONTROL_DIR "/pop-sync.key", 0, 0) \
  X(PASSWORD, "--password", "FILE", KIND_PATH, CONF_SYNC, 0, 0, 0)                      /* the server's */ \
  X(SERVER_TLS, "--server-tls", "DIR", KIND_PATH, CONF_SYNC, 0, 0, 0)                   /* TLS to it */ \
  X(PREFIX, "--prefix", "PREFIX", KIND_WORD, CONF_SYNC, 0, 0, 0)                        /* of the group of machines */ \
  X(NODE, "--node", "NAME", KIND_WORD, CONF_SYNC, 0, 0, 0)                              /* this machine's name */ \
  X(SECONDS, "--seconds", "NUMBER", KIND_NUMBER, CONF_SYNC, "300", 1, 2592000)          /* a stamp's life */ \
  X(SYSTEMD, "--systemd", 0, KIND_FLAG, CONF_SYNC, 0, 0, 0)                             /* a unit, no directory */ \
  X(ADDRESS, "--address", "ADDRESS", KIND_ADDRESS, CONF_CHAIN, "0", 0, 0)               /* 0: all of this machine */ \
  X(PORT, "--port", "NUMBER", KIND_NUMBER, CONF_CHAIN, "25", 1, 65535) \
  X(CLIENTS, "--clients", "NUMBER", KIND_NUMBER, CONF_CHAIN, "200", 1, 100000)          /* at once */ \
  X(MEMORY, "--memory", "BYTES", KIND_NUMBER, CONF_CHAIN, "30000000", 0, 4294967295U)   /* of a chain; 0: no limit */ \
  X(LISTENER, "--listener", "NAME", KIND_WORD, CONF_CHAIN, 0, 0, 0)                     /* relay-smtpd -l */ \
  X(BARE_LF, "--bare-lf", 0, KIND_FLAG, CONF_CHAIN, 0, 0, 0)                            /* relay-smtpd -b */ \
  X(RESOLVER, "--resolver", "ADDRESS", KIND_WORD, CONF_SEND | CONF_CHAIN, 0, 0, 0)      /* DNSCACHEIP */ \
  X(TRUST_AD, "--trust-ad", 0, KIND_FLAG, CONF_SEND | CONF_CHAIN, 0, 0, 0)              /* RELAYTRUSTAD */ \
  X(LOG, "--log", "FILE", KIND_PATH, CONF_XINETD, "/var/log/posthouse.log", 0, 0)

enum conf_option {
#define X(c, name, arg, kind, what, value, least, most) OPT_##c,
  CONF_OPTIONS(X)
#undef X
  OPT_COUNT
};

struct conf_options {
  unsigned what;                         /* one of the bits above; 0: none */
  char const *where;                     /* the directory or file to make; absolute */
  char const *me;                        /* the host name given to `control`, or null */
  char const *value[OPT_COUNT];  /* given or default; a flag's is "" when given; null: not set. No LF within */
  stralloc path[OPT_COUNT + 1];          /* the paths that value and, the last, where point to */
};

/* Reads argv (without the program's name), NULL-terminated, into o, which is overwritten. Relative paths are taken
 * below `cwd`. Returns 0, or what is wrong with it in words (static or in `problem`, which holds CONF_PROBLEM bytes).
 * Values point into argv or into o; free it in any case. */
#define CONF_PROBLEM 256
char const *conf_options(struct conf_options *o, char const *const *argv, char const *cwd, char problem[CONF_PROBLEM]);
void conf_options_free(struct conf_options *o);

/* The usage, a line for each thing that can be made. Static. */
extern char const conf_usage[];

#endif
