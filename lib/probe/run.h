/* Trying the forms on a server. Every wait has a deadline; a lost connection is made anew, and a new one is made every
 * few tests anyway, since servers slow down or hang up on clients that were refused often. */
#ifndef PROBE_RUN_H
#define PROBE_RUN_H

#include "probe/forms.h"
#include "probe/judge.h"
#include "smtp/client_hello.h"

#define PROBE_ADDRESSES 16      /* of the server's that are tried until one answers */
#define PROBE_PER_CONNECTION 3  /* tests; Exim hangs up after three syntax errors, Postfix stalls after ten refusals */
#define PROBE_TEXT (CLIENT_REPLY_TEXT + DOMAIN_TEXT + IP_TEXT + 64)
#define PROBE_STRIKES 3         /* tests in a row that the connection did not survive: the rest isn't tried */

struct probe_result {
  struct probe_verdict verdict;
  enum probe_stage stage;         /* the last command that was said */
  int code;                       /* its reply's; 0: none came */
  char enhanced[12];
  char text[PROBE_TEXT];          /* the reply, or what happened; printable ASCII */
};

struct probe {
  /* the caller's to set; the rest 0 */
  char host[DOMAIN_TEXT];         /* the server as a name, canonical; "": an address */
  struct ip ip[PROBE_ADDRESSES];
  unsigned ips;
  uint16_t port;
  char me[DOMAIN_TEXT];           /* for EHLO; "": the literal of the address that we come from */
  unsigned patience, pace;        /* seconds: for each wait; between tests */
  unsigned deliver : 1;           /* send a message where a recipient is accepted */
  unsigned known_target : 1;      /* the target's address is known to exist */
  unsigned own_names : 1;         /* the names in plan are all; what the server calls itself doesn't count */
  struct probe_plan plan;         /* target, sender and names */
  /* what came out */
  struct client client;
  char trouble[PROBE_TEXT];       /* why there is no connection; "": there is one, or was */
  struct probe_result result[PROBE_TESTS];
  unsigned counts[4];             /* by enum probe_judgement */
  unsigned last_ip;               /* where the server was reached */
  /* its own */
  enum probe_control control[PROBE_NAMES + 1];
  unsigned on_connection, strikes;
  unsigned greeted_as_other : 1;  /* the connection is for one test alone */
  char const *ours[8];            /* what we say, for probe_answer */
};

/* Connects for the first time, finds out how the server calls itself, makes the plan. Returns 0, or -1 with
 * p->trouble. */
int probe_open(struct probe *p);

/* Makes all tests; `each` is called after each one, with its number. Returns the judgement of the whole. */
enum probe_judgement probe_run(struct probe *p, void (*each)(struct probe const *p, unsigned i));

/* The message for a test, CRLF lines without the final dot, appended. Returns 1, or 0 when there is no memory. */
int probe_message(stralloc *out, struct probe const *p, unsigned i, int64_t now);

#endif
