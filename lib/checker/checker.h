/* Asking a checkpassword program who somebody is (cr.yp.to/checkpwd/interface.html), and one that knows us for more:
 *
 *   descriptor 0, 1   nothing; 2 the log
 *   descriptor 3      what is asked, `user NUL secret NUL more NUL`, then the end; to the canary nothing; for
 *                     SCRAM-SHA-256 one end of a socketpair with messages both ways (checker/frame.h)
 *   descriptor 4      attributes come back: `NAME=VALUE NUL` ...; RELAYAUTHFD says so
 *   RELAYAUTHMECH     the mechanism's name; the canary has none
 *
 * Exit code 0 is yes, 1 no, anything else that it can't be told. The canary asks nothing: a program that says yes all
 * the same would say yes to everybody.
 *
 * SIGPIPE must be ignored and SIGCHLD not (inject_signals); descriptors 0 to 2 must be open. The program leads a
 * process group of its own. One at a time. */
#ifndef CHECKER_CHECKER_H
#define CHECKER_CHECKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <skalibs/stralloc.h>
#include "checker/frame.h"
#include "checker/mechanism.h"

#define CHECKER_ASKED 512          /* bytes on descriptor 3; the interface allows no more */
#define CHECKER_ATTRIBUTES 65536   /* bytes of all attributes; from a program that says more none is believed */
#define CHECKER_USER 256           /* bytes of a user's name with its NUL */

struct checker {
  pid_t pid;            /* and its process group; 0: none running */
  int ask;              /* our end of its descriptor 3, -1 when closed; all ours are close-on-exec and don't block */
  int attributes;       /* of its descriptor 4 */
  stralloc said;        /* what came from there */
  unsigned much : 1;    /* it was more than CHECKER_ATTRIBUTES */
};

struct checker_answer {
  int code;             /* the exit code; -1: it was killed, was late, or could not be started */
  char const *why;      /* in a word, for the log, when the code is none of 0, 1, 2 or its attributes can't be read;
                           else null. Static */
  unsigned knows_us : 1; /* it has named mechanisms, so it is written for us */
  unsigned mechanisms;  /* a set of 1U << mechanism, as attributes.h has it */
  char user[CHECKER_USER]; /* the name as the program has it; "": it didn't say */
  unsigned no_relay : 1;   /* the login lacks the privilege */
  unsigned bound : 1;   /* the login may use the senders in `from` alone */
  stralloc from;        /* these, NUL behind each. The caller's to free; zero it before */
};

/* Starts argv[0] (looked up in PATH) with the environment but RELAYRULESFD. Returns 0, or -1 with errno. */
int checker_start(struct checker *c, char const *const *argv, enum checker_mechanism m);

/* Writes all that is asked, at most CHECKER_ASKED bytes, and closes. Errors show at the end. */
void checker_ask(struct checker *c, char const *s, size_t n);

/* SCRAM: hands over a message and waits for the answer. Returns its bytes (at most CHECKER_MESSAGE, any), or -1: there
 * was none (the program has ended, is late, or talks nonsense); then call checker_finish. */
ssize_t checker_exchange(struct checker *c, char const *s, size_t n, char out[CHECKER_MESSAGE], int64_t deadline);

/* Waits for the program's end and fills *a. At the deadline (base/io.h) its group is killed. What it said is wiped. */
void checker_finish(struct checker *c, int64_t deadline, struct checker_answer *a);

/* Kills it. Harmless when none runs. */
void checker_abort(struct checker *c);

#endif
