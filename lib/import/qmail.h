/* qmail's control directory; for this room alone. */
#ifndef IMPORT_QMAIL_H
#define IMPORT_QMAIL_H

#include "import/source.h"

struct qmail {
  struct import *x;
  char const *base;       /* the directory given */
  char const *dir;        /* the control directory */
  unsigned rcpthosts : 1; /* there is one */
  unsigned relayclient : 1;
  unsigned local;         /* domains that qmail delivers itself */
  struct names routes;    /* their keys, and the line that counts */
};

/* Opens a control file; what it says is then listed as known. */
int qmail_open(struct qmail *q, struct source *f, char const *name);
/* The next line as qmail's control_readfile gives it: without blanks at its end, no empty line, no comment. */
int qmail_line(struct source *f, struct text *line);

/* The parts, in the order in which they are read. */
void qmail_domains(struct qmail *q);
void qmail_routes(struct qmail *q);

#endif
