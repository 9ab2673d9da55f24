/* relay-ask's answers: from the cache, from the next hop, from the DNS. */
#ifndef ANSWER_ANSWER_H
#define ANSWER_ANSWER_H

#include "answer/cache.h"
#include "remote/remote.h"

#define ANSWER_IDLE 10 /* seconds without a question until the connection to a next hop is given up */
#define ANSWER_HOSTS 8 /* domains whose exchangers are remembered */
#define ANSWER_HOSTS_TIME 60    /* seconds for which that is done */
#define ANSWER_HOSTS_UNKNOWN 5  /* the same for what could not be found out */
#define ANSWER_DOMAINS 100      /* look-ups of exchangers in all, since each is up to 33 questions to the DNS; then the
                                   answer is `unknown` */

/* What the DNS said about a domain's exchangers. */
struct answered_hosts {
  char domain[DOMAIN_TEXT];
  int64_t until;                 /* io_now's clock; 0: nothing */
  struct ask_answer answer;
};

struct answerer {
  struct remote rm;                /* opened by the caller, unless `broken` */
  struct cache cache;
  struct table_set const *rules;
  char const *broken;              /* why nothing can be asked, or null */
  unsigned seconds;                /* for one question */
  char route[ROUTE_TEXT];          /* the next hop that rm is for; "": none yet */
  int64_t rest;                    /* it could not be reached, and is left in peace until then, io_now's clock */
  char why[CLIENT_VERIFY_TEXT];    /* the reason */
  unsigned domains;                /* look-ups of exchangers so far */
  struct answered_hosts hosts[ANSWER_HOSTS]; /* the last ones */
};

/* Answers a question and writes a line of the log. */
void answer_question(struct answerer *w, struct ask_query const *q, struct ask_answer *a);

/* Answers the questions on descriptor `in`, in order, to descriptor `out`, until the end of `in`. Returns 0, or -1 with
 * errno (EMSGSIZE: a line without an end). A question that is none is answered `unknown`. One that takes much longer
 * than it may ends the process by SIGALRM: a resolver can hang where no deadline reaches. */
int answer_serve(struct answerer *w, int in, int out);

#endif
