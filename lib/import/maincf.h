/* Postfix' main.cf (postconf(5)): parameters, and their values with $name expanded. Pure: bytes in, parameters out. */
#ifndef IMPORT_MAINCF_H
#define IMPORT_MAINCF_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include "import/names.h"
#include "import/source.h"

struct parameter {
  size_t name, name_len;    /* within maincf.bytes */
  size_t value, value_len;  /* likewise: continuation lines joined, blanks at both ends gone, nothing expanded */
  uint32_t line;            /* where it begins */
  uint32_t again;           /* the line of a later definition, which counts; 0: this one does */
};

struct maincf {
  stralloc bytes;
  genalloc all;             /* struct parameter, in the file's order */
  struct names index;       /* name -> number of the parameter that counts */
};

/* A logical line: what is not blank or a comment, with the lines that follow and begin with a blank, LFs replaced by
 * blanks. Returns 1 with its first line's number, 0 at the end, -1 without memory. Also the form of Postfix' tables and
 * lists. */
int maincf_logical(struct source *f, stralloc *line, uint32_t *number);

/* Reads all parameters of f. What is wrong goes to wrong(arg, line, text), as the text stands. Returns 0, or -1 without
 * memory. m is zeroed before; it must not move afterwards. Free it in any case. */
typedef void maincf_wrong_fn(void *arg, uint32_t line, struct text what);
int maincf_read(struct maincf *m, struct source *f, maincf_wrong_fn *wrong, void *arg);
void maincf_free(struct maincf *m);

/* The parameter that counts, or null; and a parameter's texts. */
struct parameter const *maincf_find(struct maincf const *m, char const *name, size_t len);
struct text maincf_name(struct maincf const *m, struct parameter const *p);
struct text maincf_value(struct maincf const *m, struct parameter const *p);

/* Appends a text with $name, ${name}, $(name), ${name?text}, ${name:text} and ${name?{text}:{text}} replaced, as deep
 * as they go; a name that isn't set has its default, or is empty. Returns 1; 0 when that can't be done: a loop, a
 * comparison, braces that don't close, or a name that is the other host's to know; -1 without memory. */
int maincf_expand(struct maincf const *m, struct text t, stralloc *out);

/* The value of a parameter, or of its default, expanded; else as maincf_expand. */
int maincf_get(struct maincf const *m, char const *name, stralloc *out);

#endif
