/* What a comparison says of `grant pop` itself; for this room alone. */
#ifndef DIFF_POPS_H
#define DIFF_POPS_H

#include "diff/diff.h"
#include "json/json.h"

/* "a POP stamp is fresh for 600 seconds now, and was for 300 (relay:3)": DIFF_LASTS and DIFF_SPREADS. */
int pops_sentence(stralloc *out, struct diff const *d, enum diff_kind kind);

/* "with a POP stamp that the old rules alone count": the values of DIFF_STAMP that fit, not all, in words. Static. */
char const *pops_words(struct diff const *d, unsigned fits);

/* Appends both grants, where one tells listeners or senders apart and a line rests on that, and who may use other
 * senders (at most `most`, 0: all). Return 0, or -1. */
int pops_text(stralloc *out, struct diff const *d, unsigned most);
/* The same, always, as a member of an object. */
void pops_json(struct json *j, struct diff const *d);

#endif
