/* What a server's answer to a test means. Pure.
 *
 * A refusal of a recipient outside counts only when it says that it is about relaying, or about the form itself. One
 * that any name that doesn't exist would have got, or any client with our address, or our sender, or that says nothing
 * but no, leaves open what another stranger would have been told. */
#ifndef PROBE_JUDGE_H
#define PROBE_JUDGE_H

#include "probe/forms.h"

enum probe_judgement {
  PROBE_SKIPPED,  /* not tried: it can't be said to this server */
  PROBE_REFUSED,
  PROBE_UNCLEAR,
  PROBE_ACCEPTED,
};

enum probe_stage { PROBE_NEVER, PROBE_HELLO, PROBE_MAIL, PROBE_RCPT, PROBE_DATA, PROBE_DOT };

enum probe_control { /* what the server does with a local part that surely nobody has */
  PROBE_NOT_KNOWN,
  PROBE_STRICT,     /* refuses it */
  PROBE_TAKES_ALL,
};

struct probe_answer {
  enum probe_stage stage;   /* the last command said; PROBE_NEVER: none, for lack of a connection */
  int code;                 /* its reply's, 200 to 599; 0: none came */
  char const *enhanced;     /* "5.7.1", or "" */
  char const *text;         /* the whole reply in one line, or what happened to the connection */
  char const *const *ours;  /* what we said of ourselves and the target, up to a null pointer: echoes; may be null */
};

struct probe_verdict {
  enum probe_judgement what;
  char const *why;          /* static; "" where the answer speaks for itself */
};

/* `control`: what was found out about the name in the test; counts for forms whose home isn't outside. `known_target`:
 * the target's address is known to exist, so that only a server that does not relay says otherwise. */
struct probe_verdict probe_judge(struct probe_form const *f, struct probe_answer const *a, enum probe_control control,
  int known_target);

/* Does the answer end the connection, rather than be one to the test? Another connection may bring one. */
int probe_hung_up(struct probe_answer const *a);

/* The same for a control: what the answer tells. */
enum probe_control probe_control_of(struct probe_answer const *a);

/* The whole: the counts of each judgement (indexed by enum probe_judgement, controls not among them). PROBE_ACCEPTED:
 * open; PROBE_REFUSED: closed; PROBE_UNCLEAR: could not tell. */
enum probe_judgement probe_sum(unsigned const counts[4]);

#endif
