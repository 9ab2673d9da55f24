/* Facts from a command line. */
#ifndef FACTS_OPTIONS_H
#define FACTS_OPTIONS_H

#include "facts/facts.h"

/* X(option, argument, what sets it): a word of its own or, joined with `=`, the same word; OPTIONAL only the latter. */
#define QUESTION_OPTIONS(X) \
  X("--client", NEEDED, client)        /* IP, or unknown */ \
  X("--host", NEEDED, host)            /* the client's name in the DNS */ \
  X("--info", NEEDED, info)            /* what its ident server says */ \
  X("--relayclient", OPTIONAL, environment) /* set in the listener's environment; its value */ \
  X("--login", NEEDED, login)          /* who logged in */ \
  X("--norelay", NONE, norelay)        /* the login lacks the privilege */ \
  X("--wrong-sender", NONE, wrong_sender) /* the login is bound to senders, and --from is none of them */ \
  X("--tls", NONE, tls) \
  X("--pop", OPTIONAL, pop)            /* a fresh stamp, and whose */ \
  X("--pop-unknown", NONE, pop_unknown) /* whether there is one could not be told */ \
  X("--listener", NEEDED, listener) \
  X("--from", NEEDED, from) \
  X("--to", NEEDED, to) \
  X("--mailbox", NEEDED, mailbox)      /* yes, no or unknown */ \
  X("--mx", NEEDED, mx)                /* IP,IP,... or none or unknown */

/* Reads the option at argv[0], null-terminated. Returns the words used, 1 or 2; 0 when it is none of these; -1 when it
 * is wrong: *why says what, static. */
int question_option(struct question *q, char const *const *argv, char const **why);

/* After the last one. Returns null, or what does not go together. */
char const *question_finish(struct question *q);

#endif
