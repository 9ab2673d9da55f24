/* The client's side of an SMTP connection: connecting, greeting, what the server offers, commands out and replies
 * in. Every wait has a deadline (RFC 5321 4.5.3.2). */
#ifndef SMTP_CLIENT_SESSION_H
#define SMTP_CLIENT_SESSION_H

#include <stddef.h>
#include <stdint.h>
#include "parse/domain.h"
#include "parse/ip.h"
#include "smtp/client_body.h"
#include "smtp/client_reply.h"
#include "smtp/client_transport.h"

/* Seconds. RFC 5321 4.5.3.2 gives the least for most of them. */
#define CLIENT_TIME_CONNECT 45      /* until the connection stands; the kernel would take two minutes */
#define CLIENT_TIME_GREETING 300    /* 4.5.3.2.1 */
#define CLIENT_TIME_COMMAND 300     /* 4.5.3.2.2 and .3: MAIL, RCPT; also EHLO, HELO, RSET */
#define CLIENT_TIME_TLS 60          /* for a handshake: no RFC says a word, and who is alive takes less than a second */
#define CLIENT_TIME_DATA 120        /* 4.5.3.2.4: until 354 */
#define CLIENT_TIME_BLOCK 180       /* 4.5.3.2.5: until the server took a block of the message */
#define CLIENT_TIME_DOT 600         /* 4.5.3.2.6: until the verdict */
#define CLIENT_TIME_QUIT 5          /* for 221: nothing depends on it */
#define CLIENT_TIME_TOTAL 7200      /* for a whole transaction: a server that drips must not hold us for days */

#define CLIENT_IN 4096                                     /* bytes read ahead */
#define CLIENT_OUT (CLIENT_WIRE_ROOM(CLIENT_BLOCK) + 65536)  /* bytes gathered for one write */

enum client_extension { /* bits of struct client's offers */
  CLIENT_PIPELINING = 1, CLIENT_CHUNKING = 2, CLIENT_SIZE = 4, CLIENT_8BITMIME = 8, CLIENT_SMTPUTF8 = 16,
  CLIENT_STARTTLS = 32, CLIENT_DSN = 64, CLIENT_AUTH = 128,
};

/* What went wrong, when a function below returns -1. The connection is of no more use then, and closed. */
enum client_trouble {
  CLIENT_LOST = 1,   /* closed or reset: errno, 0 for a plain end */
  CLIENT_TIMEOUT,
  CLIENT_GARBAGE,    /* what came is no reply of SMTP */
  CLIENT_INJECTED,   /* something was sent along with the answer to STARTTLS, in the clear (RFC 3207 6) */
};

struct client {
  int fd;                     /* -1: not connected */
  struct client_transport const *via; /* null: bytes go over fd as they are; else TLS has begun (client_secured) */
  void *via_arg;
  int owner;                  /* a socket: once its other end is closed nobody wants the delivery; -1: none */
  unsigned patience;          /* no wait is longer than as many seconds; 0: the constants above alone */
  int64_t deadline;           /* of the whole transaction, io_now's clock; 0: none */
  char name[DOMAIN_TEXT + IP_TEXT + 4]; /* "host [address]", for texts */
  char greeting[DOMAIN_TEXT]; /* the name by which the server greets, canonical; "": none */
  unsigned offers;            /* enum client_extension */
  unsigned mechanisms;        /* for AUTH: bits 1 << enum login_mechanism (policy/logins.h) of those that we know */
  uint64_t size;              /* the server's limit in bytes; 0: not said */
  unsigned lmtp : 1;          /* LMTP (RFC 2033): the caller's to set before the greeting; stays */
  unsigned relay : 1;         /* a relay of the operator's: a login or TLS that it misses is his to mend. As lmtp */
  unsigned used : 1;          /* a transaction was tried on this connection */
  unsigned dirty : 1;         /* one may still be open on the server's side: RSET before the next */
  enum client_trouble trouble;
  int error;                  /* errno that goes with it */
  struct client_reply reply;  /* the last one */
  size_t in_at, in_len;       /* unread bytes in `in` */
  size_t out_at, out_len;     /* unsent bytes in `out` */
  char in[CLIENT_IN];
  char out[CLIENT_OUT];
};

void client_init(struct client *c);

/* Connects. `host` is the name for texts, canonical or "". Returns 0, or -1 with errno. */
int client_connect(struct client *c, struct ip const *ip, uint16_t port, char const *host);

/* The same over a Unix socket; `path`, absolute, is the name for texts. At most 107 bytes (ENAMETOOLONG). */
int client_connect_local(struct client *c, char const *path);

/* Has the server said or closed something since the last reply? Then a kept connection is not to be used again. */
int client_alive(struct client *c);

/* All that is sent and read from now on goes through `via`, on top of c->fd: the caller has made the handshake. What
 * was read ahead in the clear is forgotten, and so is what the server offered. client_close ends it with the
 * connection. */
void client_secured(struct client *c, struct client_transport const *via, void *arg);

/* The deadline of a wait of that many seconds, as c's patience and deadline have it. */
int64_t client_until(struct client const *c, unsigned seconds);

/* Has the owner gone? Then whoever comes after it makes the delivery anew, and ours must not come about: the connection
 * is shut down, so that what follows fails. */
int client_unwanted(struct client *c);

/* Appends to what will be sent; c->out must have room (client_room). */
void client_put(struct client *c, char const *s, size_t n);
void client_puts(struct client *c, char const *s);
size_t client_room(struct client const *c);

/* Sends what was put. Returns 0, or -1. */
int client_flush(struct client *c, unsigned seconds);

/* Gets one line of a reply, as client_reply's `each`. */
typedef void client_line_fn(void *arg, unsigned number, char const *text, size_t len);

/* Reads one reply into c->reply. Returns its code, or -1. client_read_lines: `each` gets its lines. */
int client_read(struct client *c, unsigned seconds);
int client_read_lines(struct client *c, unsigned seconds, client_line_fn *each, void *arg);

/* Is a reply with this code a refusal for good? */
int client_for_good(struct client const *c, int code);

/* Notes what went wrong; errno goes with CLIENT_LOST. The connection stays open: what the server sent before may still
 * be read. Returns -1. */
int client_failed(struct client *c, enum client_trouble t);

/* After a failed client_flush: a reply that explains why the server hung up may still be there. Returns its code, or
 * -1. */
int client_last_words(struct client *c);

/* Says QUIT and waits a little for 221, then closes. Harmless without a connection. */
void client_quit(struct client *c);
/* Says QUIT if that can be done at once, and closes without a wait. */
void client_leave(struct client *c);
void client_close(struct client *c);

/* c->trouble in words, with an enhanced code: "closed the connection (#4.4.2)". Static. */
char const *client_trouble_text(struct client const *c);

#endif
