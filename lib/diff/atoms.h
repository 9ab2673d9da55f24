/* What the parts of atoms.c share; for this room alone. */
#ifndef DIFF_ATOMS_H
#define DIFF_ATOMS_H

#include "diff/model.h"

/* What a rule of `clients` makes of a client, in a byte. */
#define ABSENT 255       /* there is no such rule */
#define CODE_VIEW 3      /* bits of none, DENIED, TRUSTED */
#define CODE_PROXY 4
#define CODE_VALUES 31   /* different values of RELAYCLIENT; what comes above is one */
#define code_value(c) ((c) >> 3)
enum { LEVEL_ADDRESS, LEVEL_PREFIX, LEVEL_DEFAULT };

/* Addresses of one class let in by rules of one kind in each table. */
struct addresses {
  size_t class, first, n;
  uint8_t level[2], code[2];
};

struct atoms {
  struct diff *d;
  struct model *m;
  struct classes *c;
  genalloc parts;        /* struct addresses */
  genalloc codes;        /* uint8_t: two for each of classes.names */
  stralloc values;       /* of RELAYCLIENT, NUL behind each; the first is empty */
};

#define names_n(c) genalloc_len(struct client_name, &(c)->names)
#define name_at(c, i) (genalloc_s(struct client_name, &(c)->names) + (i))
#define name_code(x, i, t) genalloc_s(uint8_t, &(x)->codes)[2 * (i) + (t)]

/* The code of a rule. Returns 0, or -1 with errno. */
int rule_code(struct atoms *x, uint8_t *code, struct record const *r);
/* Those of all rules for names and users. */
int name_codes(struct atoms *x);
/* Groups of names into the model. */
int group_names(struct atoms *x);
/* The code of the addresses for clients with names of the group. */
uint8_t combine(struct addresses const *p, struct name_group const *g, unsigned t);
/* The addresses with all groups of names: an atom for each two codes that come of it. user, unless CLASSES_NONE: a
 * rule for a user at the address. */
int cross(struct atoms *x, struct addresses const *p, size_t user);
/* One atom, with all but its code and place in a. */
int add_atom(struct atoms *x, struct addresses const *p, uint8_t const code[2], struct atom a);
/* Atoms for the rules that name users. */
int add_users(struct atoms *x);

#endif
