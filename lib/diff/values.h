/* What a comparison does not follow: recipients behind which RELAYCLIENT's value is put are decided on once more. */
#ifndef DIFF_VALUES_H
#define DIFF_VALUES_H

#include "diff/diff.h"
#include "json/json.h"

/* Appends a line for each value that a client of the rules can have (at most `most`, 0: all that are kept), or nothing
 * when both rules say the same, so that nothing can have changed. Return 0, or -1 with errno. */
int values_text(stralloc *out, struct diff const *d, unsigned most);
/* The same as a member of an object. */
int values_json(struct json *j, struct diff const *d);

#endif
