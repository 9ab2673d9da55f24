/* relay-ask's answers: from the cache, from the next hop, from the DNS. */
#ifndef ANSWER_ANSWER_H
#define ANSWER_ANSWER_H

#include "answer/cache.h"
#include "remote/remote.h"

#define ANSWER_IDLE 10 /* seconds without a question until the connection to a next hop is given up */

struct answerer {
  struct remote rm;                /* opened by the caller, unless `broken` */
  struct cache cache;
  struct table_set const *rules;
  char const *broken;              /* why nothing can be asked, or null */
  unsigned seconds;                /* for one question */
  char route[ROUTE_TEXT];          /* the next hop that rm is for; "": none yet */
  int64_t rest;                    /* it could not be reached, and is left in peace until then, io_now's clock */
  char why[CLIENT_VERIFY_TEXT];    /* the reason */
};

/* Answers a question and writes a line of the log. */
void answer_question(struct answerer *w, struct ask_query const *q, struct ask_answer *a);

/* Answers the questions on descriptor `in`, in order, to descriptor `out`, until the end of `in`. Returns 0, or -1 with
 * errno (EMSGSIZE: a line without an end). A question that is none is answered `unknown`. One that takes much longer
 * than it may ends the process by SIGALRM: a resolver can hang where no deadline reaches. */
int answer_serve(struct answerer *w, int in, int out);

#endif
