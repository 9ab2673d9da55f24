/* The whole table: who asks × what for, each cell decided. */
#ifndef EXPLAIN_MATRIX_H
#define EXPLAIN_MATRIX_H

#include "explain/explain.h"

#define MATRIX_ROWS(X) \
  X(ROW_STRANGER, "stranger") \
  X(ROW_CLIENT, "client")     /* whose address the gate trusts */ \
  X(ROW_LOGIN, "login") \
  X(ROW_STAMPED, "stamped")
#define MATRIX_COLUMNS(X) \
  X(COLUMN_HOSTED, "hosted") \
  X(COLUMN_OUTGOING, "outgoing") \
  X(COLUMN_DENIED, "denied")

enum row {
#define X(name, word) name,
  MATRIX_ROWS(X)
#undef X
  ROWS
};

enum column {
#define X(name, word) name,
  MATRIX_COLUMNS(X)
#undef X
  COLUMNS
};

struct matrix {
  struct {
    unsigned there : 1;     /* the rules have somebody like that */
    struct ip client;
    char host[DOMAIN_TEXT]; /* its name, when it is trusted by that; else "" */
    char const *login, *stamp, *listener;
    char user[STAMP_NAME];  /* whose stamp it is, when nobody says */
  } rows[ROWS];
  char recipient[COLUMNS][LIMIT_ADDRESS + 1]; /* "": the rules have none like that */
  char sender[LIMIT_ADDRESS + 1];
  struct {
    struct outcome outcome;
    char reply[REPLY_LINE];
  } cells[ROWS][COLUMNS];   /* where row and column are there */
};

/* Fills it. Clients, logins, domains come from the rules, where q doesn't give them: a trusted address from `clients`,
 * a
 * domain from `domains`, a denied one from `relay`; a client of q takes the place of the stranger or, if the rules
 * trust
 * it, of the client; a recipient of q its column's. The other facts of q count in each cell. q is changed. */
void matrix_fill(struct matrix *m, struct question *q, struct table_set const *t);

/* As explain_text and explain_json. */
int matrix_text(stralloc *out, struct matrix const *m);
void matrix_json(struct json *j, struct matrix const *m);

#endif
