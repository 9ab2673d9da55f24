/* Asking the network what the rules leave to it, by way of relay-ask(8), so that who asks links no resolver. relay-ask
 * is started at the first question and kept for the session. SIGPIPE must be ignored and SIGCHLD not
 * (inject_signals); descriptors 0 to 2 must be open. */
#ifndef ASK_ASK_H
#define ASK_ASK_H

#include <stdint.h>
#include <sys/types.h>
#include "ask/line.h"

#define ASK_FAILURES 3        /* programs that failed in a session; no further one is started then */
#define ASK_SLACK 5000        /* milliseconds that a deadline should leave beyond ASK_TIME: relay-ask then says why */

struct ask {
  char const *rules;   /* path of rules.cdb for relay-ask, or null: it finds them itself ($RELAYRULES, the default) */
  pid_t pid;           /* 0: none is running */
  int fd;              /* our end of the socketpair, close-on-exec; -1 */
  unsigned failures;
};

/* `rules` must live as long as a. Nothing is started yet. */
void ask_init(struct ask *a, char const *rules);

/* Asks: `subject` is an address (local@domain, the domain canonical) or a canonical domain. The answer is in *out in
 * every case. ANSWER_UNKNOWN also when relay-ask ($RELAYASK, else BIN_DIR/relay-ask) can't be started, dies, says what
 * is no answer, or is silent until `deadline` (io_now's clock, base/io.h): it is killed and reaped then, and the next
 * question starts another one, until ASK_FAILURES have failed. */
void ask_question(struct ask *a, enum ask_kind kind, char const *subject, int64_t deadline, struct ask_answer *out);

/* Hangs up. relay-ask ends by itself: it may still say farewell to a server. Harmless when none was started. */
void ask_close(struct ask *a);

#endif
