/* The source's files: reading them, lines, words, and what the importers share; for this room alone. */
#ifndef IMPORT_SOURCE_H
#define IMPORT_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include "import/import.h"
#include "parse/domain.h"

/* A piece of text, any bytes. */
struct text {
  char const *s;
  size_t n;
};

/* printf's arguments for "%.*s": a piece of a source, cut when long. */
#define SHOWN(t) ((int)((t).n > 200 ? 200 : (t).n)), ((t).n ? (t).s : "")

int text_is(struct text t, char const *word);           /* are they the same? */
int text_is_word(struct text t, char const *word);      /* the same but for ASCII capitals? */
struct text text_trim(struct text t);                   /* without blanks, CR and LF at its ends */
/* Cuts the next word, up to a blank, comma, CR or LF, from the front. Returns 1, or 0 when there is none. A comma and
 * blanks within braces don't end a word. */
int text_word(struct text *rest, struct text *word);
int text_argument(struct text *rest, struct text *word); /* the same, but a comma doesn't end it */
/* Cuts at the first byte `at`, from `from` on: the part before it; *rest becomes the part behind. Returns 1, or 0 when
 * there is none. */
int text_cut(struct text t, char at, struct text *before, struct text *rest);

/* A file in memory, and how far it was read. */
struct source {
  char const *name;  /* for places */
  char *s;           /* null: not there */
  size_t len, at;
  uint32_t line;     /* of the line read last */
};

/* Reads DIR/NAME (dir may be null: name is the path) whole. Returns 1, 0 when there is no such file, -1 with x->broken.
 * source_close in any case. */
int source_open(struct import *x, struct source *f, char const *dir, char const *name);
void source_close(struct source *f);
/* The next line without its LF. Returns 1, or 0 at the end. */
int source_line(struct source *f, struct text *line);
/* Where f stands. */
struct place source_place(struct source const *f);

/* Sets x->path to dir/name (dir may be null). Returns its text, or null after setting x->broken. */
char const *import_path(struct import *x, char const *dir, char const *name);

#define IMPORT_DOMAIN (DOMAIN_TEXT + 4)
/* A domain, .suffix or literal in brackets, in canonical form, with a NUL. Returns its length, or 0. */
size_t import_domain(char out[IMPORT_DOMAIN], struct text t);

/* A decimal number, at most UINT32_MAX. Returns 1, or 0. */
int import_number(struct text t, uint64_t *value);

/* Adds a line to limits if the number is within the limit's bounds (base/limits.h); else says that it can't be carried
 * over. */
void import_limit(struct import *x, char const *name, struct place from, uint64_t value);

/* Adds a line to `logins`: key is a relay or a sender as it stands there. Says so when it can't be carried over. */
void import_login(struct import *x, char const *key, size_t len, struct place from, struct text user,
                  struct text password);

/* Reads the rest of a text for tcprules(1) into `clients`. Returns whether a rule sets RELAYCLIENT. */
int import_rules(struct import *x, struct source *f);

#endif
