/* What text and JSON say alike; for this room alone. */
#ifndef DIFF_WORDS_H
#define DIFF_WORDS_H

#include "diff/diff.h"

/* The form of an address class: "joe@a.example", ".example", "<>", "any other domain". *s is appended to. */
int class_words(stralloc *s, struct diff const *d, size_t class);

/* The lines of a table that name the class itself, as far as they matter for senders or for recipients:
 * "domains:3, relay:7", or nothing. */
int class_lines(stralloc *s, struct diff const *d, size_t class, int recipient, unsigned table);

/* Traits in words, static. */
char const *traits_words(unsigned traits, int recipient);

/* The words of a property's values, static; diff_values has how many. */
char const *property_word(enum diff_property p);
char const *value_word(enum diff_property p, unsigned value);

/* "\".inner\" (clients:5)": RELAYCLIENT as the gate sets it for the example's client. */
int gate_words(stralloc *s, struct diff const *d, struct diff_example const *x, unsigned table);
/* "550 5.1.1 no-such-recipient (domains:4)", "accepted, client (relay:2, clients:5)", "accepted, alias (aliases:1) to
 * joe@a.example". */
int example_words(stralloc *s, struct diff_example const *x, unsigned table);

#endif
