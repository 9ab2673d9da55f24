/* Lets the network be asked where the rules leave a recipient to it. */
#ifndef EXPLAIN_ASK_H
#define EXPLAIN_ASK_H

#include "ask/ask.h"
#include "facts/facts.h"

/* Asks what question_decide wants to know, and puts it into q: two questions at most. What relay-ask says beside its
 * answer goes to text: printable ASCII, "" if nothing. SIGPIPE must be ignored. */
void ask_network(struct question *q, struct table_set const *t, struct ask *a, char text[ASK_TEXT]);

#endif
