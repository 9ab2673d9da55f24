/* From the configuration of another mail server to our control files (posthouse-control(5)), and a list of what could
 * not be carried over. What is written never lets anybody do more than the source did: where the source can't be
 * understood, or says more than our files can, the narrower rule is written and the list says so. */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include <stddef.h>
#include <stdint.h>
#include <skalibs/stralloc.h>
#include "import/names.h"

/* X(C name, file): what can be written */
#define IMPORT_FILES(X) \
  X(ME, "me") \
  X(CLIENTS, "clients") \
  X(DOMAINS, "domains") \
  X(RECIPIENTS, "recipients") \
  X(ALIASES, "aliases") \
  X(RELAY, "relay") \
  X(ROUTES, "routes") \
  X(LIMITS, "limits") \
  X(LOGINS, "logins")

enum import_file {
#define X(c, file) IMPORT_##c,
  IMPORT_FILES(X)
#undef X
  IMPORT_COUNT
};

struct import {
  stralloc text[IMPORT_COUNT];      /* the files' texts; an empty one is not written. `logins` has passwords */
  struct names keys[IMPORT_COUNT];  /* what stands in them, so that nothing stands twice */
  stralloc notes; /* the list: lines `FILE:LINE: left out: why` or `FILE:LINE: note: why`, printable */
  size_t left;                      /* lines that say `left out` */
  int broken;                       /* errno of a system error; then all stops */
  stralloc path;                    /* what it happened to; NUL-terminated */
};

/* Each fills x (zeroed). Returns 1, 0 when there is nothing of that kind at this place (x->path names what is missing),
 * -1 on a system error with errno and x->path. Free x in any case. */
int import_qmail(struct import *x, char const *dir);      /* /var/qmail, or its control directory */
int import_postfix(struct import *x, char const *dir);    /* with main.cf */
int import_tcprules(struct import *x, char const *file);  /* a text for tcprules(1) */
void import_free(struct import *x);

/* The name of a file. Static. */
char const *import_name(enum import_file which);

/* A line of the source, for the list and for comments. */
struct place {
  char const *file;  /* its name, any bytes, NUL-terminated */
  uint32_t line;     /* from 1; 0: the whole file */
};

/* Adds a line with its origin behind it as a comment. The format is printf's; what comes out must be a right line
 * without LF. Nothing is added when key stands in the file already: returns 0 then, with its source's line in *before
 * (unless null); else 1. */
int import_line(struct import *x, enum import_file which, char const *key, size_t len, struct place from,
                uint32_t *before, char const *format, ...) __attribute__((format(printf, 7, 8)));

/* A comment line in a file. */
void import_comment(struct import *x, enum import_file which, char const *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines of the list: what the source says and our files don't; and what reads differently, or deserves a look. */
void import_left(struct import *x, struct place from, char const *format, ...) __attribute__((format(printf, 3, 4)));
void import_note(struct import *x, struct place from, char const *format, ...) __attribute__((format(printf, 3, 4)));

#endif
