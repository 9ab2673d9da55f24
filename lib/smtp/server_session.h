/* The session's inside, shared by the server_*.c files alone.
 *
 *   state \ event   EHLO HELO   MAIL      RCPT      DATA       BDAT       BDAT LAST   RSET        QUIT, end, limit
 *   FRESH           -> READY    503       503       503        503 s      503 s       FRESH       -> OVER
 *   READY           READY       -> MAIL   503       503        503 s      503 s       READY       -> OVER
 *   MAIL            -> READY    503       -> RCPT   503        503 s      503 s       -> READY    -> OVER
 *   RCPT            -> READY a  503       RCPT      -> READY   -> CHUNK   -> READY    -> READY a  -> OVER a
 *   CHUNK           -> READY a  503       503       503        CHUNK      -> READY    -> READY a  -> OVER a
 *
 * RCPT is entered with the first accepted recipient. `s`: the chunk's bytes are swallowed all the same. `a`: the
 * injector, started with the first accepted recipient, is aborted; on the way to READY that counts as an error, since
 * the injector cost us a process. A refused command leaves the state as it is. A message known to be refused
 * (message.refusal) stays in its state until its end, its injector gone, its bytes dropped.
 *
 * AUTH may come in READY, while nobody has logged in, and keeps it; its dialogue runs within the command. STARTTLS may
 * come in READY, leads to FRESH, and everything that the client said before is forgotten. Both: 503 elsewhere. */
#ifndef SMTP_SERVER_SESSION_H
#define SMTP_SERVER_SESSION_H

#include <skalibs/stralloc.h>
#include "base/limits.h"
#include "base/log.h"
#include "parse/address.h"
#include "parse/dsn.h"
#include "parse/eod.h"
#include "parse/from.h"
#include "parse/header.h"
#include "parse/line.h"
#include "parse/sasl.h"
#include "policy/decide.h"
#include "smtp/command.h"
#include "smtp/reply.h"
#include "smtp/server.h"

#define SESSION_IN 65536      /* bytes of the input buffer: what one read can bring */
#define SESSION_OUT 4096      /* bytes of replies put together before they are sent; a pipe takes that in one piece */
#define SESSION_TLS_WORD 80    /* bytes of the name of a protocol or cipher with its NUL */
#define SESSION_UNKNOWN 10    /* questions without an answer; further ones are not put: the client has 451 at once */
#define SESSION_LAST_WORDS 2000 /* milliseconds for the reply that says why we close */

enum { CANARY_UNKNOWN, CANARY_GOOD, CANARY_BAD };
enum state { STATE_FRESH, STATE_READY, STATE_MAIL, STATE_RCPT, STATE_CHUNK, STATE_OVER };

/* One message on its way to the injector. */
struct message {
  char id[STORE_ID + 1];
  unsigned running : 1;      /* an injector has been started */
  unsigned traced : 1;       /* the trace header has been given to it */
  enum reply refusal;        /* what the end will be answered; REPLY_NONE: nothing is wrong so far */
  char const *fault;         /* the log's word for the refusal */
  struct eod eod;
  struct header header;
  struct from from;          /* kept when the login is bound to senders and the listener is for submission */
  size_t held;               /* bytes in start[] */
  char start[2 * HEADER_NAME]; /* the text's first bytes, kept back until the header scanner knows what they are */
  int64_t since;             /* when MAIL came; io_now */
};

struct session {
  struct server_facts const *facts;
  struct server_world const *world;
  enum state state;
  char const *command;       /* the verb in work, as the table has it; null: none of those */
  char me[DOMAIN_TEXT];
  char helo[DOMAIN_TEXT];    /* ASCII without CR, LF, NUL, spaces, parentheses */
  char client[IP_TEXT];      /* the client's address, "" when unknown */
  unsigned extended : 1;     /* EHLO, not HELO */

  /* Limits */
  uint64_t size;             /* 0: none */
  uint32_t recipients_max, text_line, hops, errors_max;
  int64_t command_time;      /* milliseconds */
  int64_t begin, end;        /* the session's; io_now */
  int64_t deadline;          /* of the command that is awaited; 0: not awaited yet */

  /* Who logged in, and TLS */
  unsigned canary : 2;       /* CANARY_...: can logins be checked? */
  unsigned proven : 1;       /* the checker doesn't say yes to every question */
  unsigned mechanisms;       /* those that may be used, a set of 1U << checker_mechanism */
  enum checker_mechanism mechanism; /* of the login */
  char user[CHECKER_USER];   /* relay.login points here */
  unsigned bound : 1;        /* the login may use `senders` alone */
  stralloc senders;          /* NUL behind each */
  uint32_t logins_failed, logins_max;
  int64_t auth_time;         /* milliseconds */
  char tls_protocol[SESSION_TLS_WORD], tls_cipher[SESSION_TLS_WORD]; /* printable ASCII without spaces; "" unknown */
  char tls_user[CHECKER_USER]; /* whom the client's certificate names, if it was verified; "" */

  /* The transaction */
  struct facts relay;        /* what the decision looks at; its strings and addresses are the session's */
  struct address sender;
  unsigned utf8 : 1;         /* SMTPUTF8 was given */
  stralloc recipients;       /* NUL-terminated, one behind the other */
  uint32_t recipients_n;
  stralloc sheet;            /* queue/sheet.h */
  unsigned asked_notice : 1; /* it says more than the sender */
  unsigned too_many : 1;     /* more than recipients_max were given */
  char reason[64];           /* why the message may come, for the trace: "client clients:12" */
  unsigned relayed : 1;      /* that is a recipient's reason who is not hosted */
  struct message message;

  /* For the log's last line */
  char const *why;           /* the session's end in a word */
  uint32_t errors, messages, refused;
  uint64_t bytes;

  struct line line;
  struct asked {             /* what the network said about the last recipient: as given, and as RELAYCLIENT makes it */
    enum answer mailbox, mx;
    struct ask_answer answer; /* to the question */
  } asked[2];
  uint32_t unknown;          /* questions without an answer */
  size_t in_at, in_len;      /* the bytes not yet used: in[in_at .. in_at + in_len) */
  size_t out_len;
  char out[SESSION_OUT];
  char in[SESSION_IN];
};

/* server_io.c */

/* How long a client or an injector may take now: a command's time, and never longer than the session. */
int64_t session_deadline(struct session const *s);
/* Ends the session when its time is up. Is it over? What waits is then sent with the last words. */
int session_expired(struct session *s);
/* Sends what is waiting. Returns 0, or -1: the session is over. */
int session_flush(struct session *s, int64_t deadline);
/* Sends what is waiting, then reads more behind the unused input, until a deadline of session_deadline. Returns 0, or
 * -1: the session is over (perhaps before), and the client knows why. */
int session_fill(struct session *s, int64_t deadline);
/* Drops n bytes of input; the second one leaves nothing of them in the buffer. */
void session_used(struct session *s, size_t n);
void session_wipe(struct session *s, size_t n);
/* Puts a line of a reply, with its CRLF, behind those that wait. */
void session_put(struct session *s, char const *line, size_t len);
/* The same with a named reply; counts errors. `more` as in reply_fmt. */
void session_reply(struct session *s, enum reply r, char const *more);
/* The same for a command that is refused: tells the log as well. */
void session_refuse(struct session *s, enum reply r);
/* Counts a reply of that code if it is an error. */
void session_count(struct session *s, unsigned code);
/* Says r (421), ends the session. `why` is the log's word. */
void session_close(struct session *s, enum reply r, char const *why);

/* server_greet.c: HELO, EHLO and what belongs to no transaction */
void session_greet(struct session *s);
void session_helo(struct session *s, char const *arg, size_t len);
void session_ehlo(struct session *s, char const *arg, size_t len);
void session_rset(struct session *s, char const *arg, size_t len);
void session_noop(struct session *s, char const *arg, size_t len);
void session_vrfy(struct session *s, char const *arg, size_t len);
void session_help(struct session *s, char const *arg, size_t len);
void session_quit(struct session *s, char const *arg, size_t len);
void session_not_here(struct session *s, char const *arg, size_t len);
void session_unknown(struct session *s, char const *arg, size_t len);

/* server_mail.c, server_rcpt.c */
void session_mail(struct session *s, char const *arg, size_t len);
void session_rcpt(struct session *s, char const *arg, size_t len);
/* Forgets the stamp when its time is over, however long the session lasts. */
void session_stamp(struct session *s);
/* Forgets the transaction; its injector is aborted. */
void session_reset(struct session *s);
/* The same at the client's wish; an injector started for nothing is an error. */
void session_drop(struct session *s);

/* server_dsn.c: what is wished about notifications, for the sheet. Begins one; adds a recipient; adds an alias, whose
 * targets (n > 0) were taken in its place: *d becomes what each of them gets. Return 1, or 0 without memory. */
int notices_begin(struct session *s, struct dsn_mail const *d);
int notices_recipient(struct session *s, char const *address, struct dsn_rcpt const *d);
int notices_alias(struct session *s, struct address const *alias, unsigned n, struct dsn_rcpt *d);
/* Leaves out what a stranger may not wish. */
void notices_limit(struct session const *s, struct dsn_rcpt *d);
/* Tells the injector. */
void notices_tell(struct session *s);

/* server_data.c */
void session_data(struct session *s, char const *arg, size_t len);
void session_bdat(struct session *s, char const *arg, size_t len);
/* A BDAT that may not come: says r and swallows its bytes. */
void session_bdat_refuse(struct session *s, char const *arg, size_t len, enum reply r);

/* server_auth.c: the command; may logins be offered now? The set of mechanisms, 0: no. Perhaps the canary is asked. */
void session_auth(struct session *s, char const *arg, size_t len);
unsigned session_auth_offer(struct session *s);
/* What MAIL is answered while a login is missing that the listener wants; REPLY_NONE: nothing is missing. */
enum reply session_login_first(struct session *s);

/* server_dialogue.c */

/* What the client answered within AUTH. Secrets: wipe it. */
struct response {
  size_t len;
  char s[LIMIT_RESPONSE_LINE];
};
/* Reads base64 as it came with AUTH. */
enum reply response_decode(struct response *r, char const *s, size_t n);
/* Sends the challenge (any bytes, CHECKER_MESSAGE at most) and reads the response. With REPLY_NONE it is in *r; else
 * the exchange is over, if the session isn't. */
enum reply response_get(struct session *s, struct response *r, char const *challenge, size_t n);

/* server_check.c: asks the checker about user, secret and more; REPLY_LOGGED_IN, or what to answer. */
enum reply login_check(struct session *s, enum checker_mechanism m, struct piece const what[3]);
/* SCRAM, r holding the client's first message. */
enum reply login_scram(struct session *s, struct response *r);
/* Runs the canary, once a session. Can logins be checked? */
int login_canary(struct session *s);

/* server_login.c */
void login_set(struct session *s, enum checker_mechanism m, char const *user, struct checker_answer *a);
void login_forget(struct session *s);
/* May the login, if there is one, use this sender? And the header's From, at the message's end? */
enum reply login_may_send(struct session *s, struct address const *sender);
int login_checks_from(struct session const *s);
int login_may_say(struct session const *s);

/* server_tls.c */
void session_starttls(struct session *s, char const *arg, size_t len);
/* Is it offered? */
int session_tls_offer(struct session const *s);
/* TLS from the start: what the facts say. */
void session_under_tls(struct session *s);

/* server_message.c */
void message_begin(struct session *s, unsigned mode);
/* Takes bytes as they came; *used is less than n when the end of DATA was found. */
void message_feed(struct session *s, char *buf, size_t n, size_t *used);
/* The end: replies, logs, forgets the transaction. */
void message_end(struct session *s);

/* server_trace.c: writes the Received field(s) into out, LF line ends. Returns the bytes. */
size_t trace_fmt(char out[LIMIT_TRACE], struct session const *s, int64_t now);

/* server_log.c */
void session_log_connect(struct session const *s);
void session_log_refused(struct session const *s, enum reply r);
/* `recipient` as given, and as it travels on. */
void session_log_recipient(struct session const *s, struct decision const *d, struct address const *recipient,
                           struct address const *becomes, char const *word, char const *error);
void session_log_message(struct session const *s, struct inject_result const *r);
/* A login that failed: in which way, the user as given. */
void session_log_login(struct session const *s, enum checker_mechanism m, char const *verdict, char const *user,
                       size_t len);
void session_log_checker(struct session const *s, enum checker_mechanism m, char const *why, int code,
                         char const *error);
/* A sender that the login may not use, with the facts. */
void session_log_sender(struct session const *s, struct address const *sender, enum reply r);
void session_log_tls(struct session const *s);
void session_log_end(struct session const *s);
/* Starts a line with what each has: pid and the client's address. */
void session_log_start(struct session const *s, struct log_line *l, char const *event);

#endif
