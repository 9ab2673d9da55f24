/* The text of a line, and its lists; for this room alone. All return 1, or 0 without memory. */
#ifndef DIFF_TEXT_H
#define DIFF_TEXT_H

#include "diff/words.h"

struct text {
  stralloc *out;
  struct diff const *d;
  struct diff_line const *l;
  unsigned most;
  struct diff_clients clients;
  struct diff_addresses senders, recipients;
  genalloc when;           /* struct diff_term */
};

int put(struct text *x, char const *s);

/* Clients, senders, recipients within the sentence, and those for which there is no room there below it. */
int put_clients(struct text *x);
int put_client_list(struct text *x);
int put_addresses(struct text *x, struct diff_addresses const *a, int recipient);
int put_address_list(struct text *x, struct diff_addresses const *a, int recipient);

#endif
