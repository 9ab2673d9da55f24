/* Why there is no connection: of all that went wrong on the way the one thing that is reported. */
#ifndef REMOTE_FAILURE_H
#define REMOTE_FAILURE_H

#define REMOTE_FAILURE_TEXT 900

struct failure {
  char kind;                        /* 0: none yet; 'Z' or 'D' */
  char text[REMOTE_FAILURE_TEXT];   /* one line, NUL-terminated */
};

/* Notes kind ('Z' or 'D') and the texts one behind the other (null: none). A temporary failure outweighs any
 * permanent one, since another try may take that way; of the same kind the later counts. */
void failure_note(struct failure *f, char kind, char const *a, char const *b, char const *c);

#endif
