/* How one line stands to the facts; for survey.c. */
#ifndef EXPLAIN_STAND_H
#define EXPLAIN_STAND_H

#include "explain/parts.h"

struct survey {
  struct explanation *x;
  struct question const *q;
  struct table_set const *t;
  struct target recipient, sender;   /* of the decision that is explained */
  enum step step;
  unsigned clients;                  /* lines of `clients` that fit */
  unsigned shown[32][4];             /* how many of each table and standing; the letters differ in these bits */
};

struct stand {
  enum standing standing;
  char const *why;     /* static; with a line, a format with %s and %u for it */
  char const *file;
  uint32_t line;       /* 0: none */
};

/* Each returns 1, or 0 when the line has nothing to do with the facts. */
int stand_me(struct survey *s, struct record const *r, struct stand *out);
int stand_domain(struct survey *s, struct piece key, struct record const *r, struct stand *out);
int stand_mailbox(struct survey *s, struct piece key, struct record const *r, struct stand *out);
int stand_senders(struct survey *s, struct piece key, struct record const *r, struct stand *out);
/* Why `grant pop` does not hold: out->why; null: it does. */
void stand_pop(struct survey const *s, struct stand *out);
/* *other: how it is counted when it has not; OTHER_COUNT: it always has. */
int stand_relay(struct survey *s, struct piece key, struct record const *r, enum other *other, struct stand *out);

#endif
