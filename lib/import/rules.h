/* A rule of tcprules(1) on its way into `clients`; for this room alone. */
#ifndef IMPORT_RULES_H
#define IMPORT_RULES_H

#include "import/source.h"

struct rule {
  struct place from;
  struct text address;
  struct text variables;    /* `,VAR="value"` as often as there are; well-formed */
  unsigned deny : 1;
  unsigned six : 1;         /* tcprules refuses the line, ucspi-tcp6's may take it */
  unsigned relayclient : 1; /* what was written sets it */
  unsigned prefix : 1;      /* the older tcprules takes the address for a key that no client has */
};

struct variable {
  struct text whole;        /* with its comma and quotes */
  struct text name, value;
};

/* Cuts the next variable from the front. Returns 1, 0 at the end, -1 when it is malformed. */
int rule_variable(struct text *rest, struct variable *v);

/* Adds the rule's keys to `clients`, those that no line before has. */
void rule_keys(struct import *x, struct rule *r);

/* Adds a line for an address (or a range), already checked, which no line has; as a comment where one that only some
 * tcprules know would let clients in. */
void rule_write(struct import *x, struct rule *r, struct text address);

#endif
