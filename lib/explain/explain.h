/* Why a recipient is accepted or refused, what came close, and which change of the rules would turn it. */
#ifndef EXPLAIN_EXPLAIN_H
#define EXPLAIN_EXPLAIN_H

#include <stdint.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "facts/facts.h"
#include "json/json.h"
#include "rules/neighbours.h"
#include "smtp/reply.h"

#define EXPLAIN_CHANGES 5   /* that are shown */
#define EXPLAIN_EDITS 3     /* lines of one change at most */
#define STAMP_NAME 256      /* bytes of the name of a POP stamp's user, with its NUL */
#define EXPLAIN_LINES 200   /* that are shown of each kind; further ones are counted */

/* What a line of the rules has to do with the facts. X(name, word) */
#define STANDINGS(X) \
  X(STANDING_DECIDES, "decides") \
  X(STANDING_HOLDS, "holds")  /* it is true of the facts, and took part */ \
  X(STANDING_LOST, "lost")    /* it is true of them, but another line comes first, or it is not asked */ \
  X(STANDING_FAILS, "fails")  /* it would matter, but it is not true of them */

enum standing {
#define X(name, word) name,
  STANDINGS(X)
#undef X
};

/* X(name, word): kinds of lines, for the count of those that have nothing to do with the facts */
#define OTHERS(X) \
  X(OTHER_CLIENTS, "clients") \
  X(OTHER_DOMAINS, "domains") \
  X(OTHER_RECIPIENTS, "recipients") \
  X(OTHER_ALIASES, "aliases") \
  X(OTHER_TO, "grant to") \
  X(OTHER_SENDER, "grant sender") \
  X(OTHER_TO_HOST, "grant to-host") \
  X(OTHER_DEVICE, "grant device") \
  X(OTHER_DENY, "deny to") \
  X(OTHER_LOCAL, "local")

enum other {
#define X(name, word) name,
  OTHERS(X)
#undef X
  OTHER_COUNT
};

/* A line, with its words in the explanation's text. */
struct explained {
  enum table which;
  uint32_t line;
  enum standing standing;
  size_t text;  /* the line */
  size_t why;   /* printable ASCII */
};

enum action { ACTION_ADD, ACTION_REMOVE, ACTION_REPLACE };

struct edit {
  enum action action;
  enum table which;   /* the file */
  uint32_t line;      /* ACTION_ADD: 0, it goes to the end */
  size_t text;        /* the line there, or to add */
  size_t by;          /* ACTION_REPLACE: what takes its place */
  char const *note;   /* what else it does, static */
  unsigned width;     /* how much else; narrow ones are shown first */
  unsigned perhaps : 1; /* right only if something is so that the rules don't know */
};

/* Lines that together turn the verdict: it was tried. */
struct change {
  struct edit edits[EXPLAIN_EDITS];
  unsigned n;
  enum verdict verdict;
  char const *reason;  /* outcome_word */
};

/* What comes of an answer of the network. */
struct prospect {
  char const *answer;        /* static */
  struct decision decision;
  enum reply reply;
};

struct explanation {
  struct outcome outcome;
  char reply[REPLY_LINE];        /* explain_reply */
  stralloc text;                 /* strings, NUL behind each; see explained_text */
  genalloc lines;                /* struct explained; what decides first, then in the files' order */
  uint32_t others[OTHER_COUNT];
  genalloc changes;              /* struct change, narrow ones first */
  unsigned tried : 1;            /* changes were looked for */
  struct prospect prospects[3];
  unsigned prospects_n;          /* not 0: it depends on the network */
  char const *advice[4];         /* what turns a refusal without a change of the rules; static, and tried */
  unsigned advice_n;
  int broken;                    /* errno of a system error; what was found then is not all */
};
#define EXPLANATION_ZERO { .text = STRALLOC_ZERO, .lines = GENALLOC_ZERO, .changes = GENALLOC_ZERO }

#define explained_text(x, at) ((char const *)(x)->text.s + (at))

/* Explains what question_decide says to q. x is EXPLANATION_ZERO, or was used before. `around`: addresses that no
 * change
 * may trust, since strangers come from there; may be null. t may be null. x and q hold pointers into t. */
void explain(struct explanation *x, struct question *q, struct table_set const *t, struct neighbours const *around);
void explanation_free(struct explanation *x);

/* 0 accepted, 1 refused, 2 refused for now, 3 it depends on the network. */
int explain_status(enum verdict v);

/* "accepted", "refused", "deferred", "undecided" */
char const *verdict_word(enum verdict v);
/* decide's reason, and words for the stages that have none. */
char const *outcome_word(struct outcome const *o);
/* What relay-gate or relay-smtpd says then: the reply without CRLF, NUL-terminated; "" while the network is not asked.
 * */
void explain_reply(char out[REPLY_LINE], struct outcome const *o, struct question const *q);
/* What that means, for people. */
char const *outcome_meaning(struct outcome const *o);

/* Did the log say what these rules say: verdict, reason and rule? */
int logged_same(struct explanation const *x, struct logged const *l);

/* Appends it for people, lines that end in LF; and as a JSON object. What a line of the log said is compared when l is
 * not null. Return 1, or 0 without memory. */
int explain_text(stralloc *out, struct explanation const *x, struct question const *q, struct logged const *l);
void explain_json(struct json *j, struct explanation const *x, struct question const *q, struct logged const *l);

#endif
