/* The file `recipients`: a mailbox on each line. */
#include <string.h>
#include "rules/rules.h"

void rules_recipients(struct compiler *c, char const *s, size_t n)
{
  char key[RULES_KEY];
  struct quoted q;
  struct word w[2];
  if (rules_words(s, n, w, 2) > 1) {
    rules_error(c, "%s is one word too many; each recipient has a line of its own", quote(&q, w[1].s, w[1].n));
    return;
  }
  size_t len = rules_mailbox(c, key, w->s, w->n);
  if (!len) return;
  struct hosted *h = rules_hosted(c, strchr(key, '@') + 1);
  if (!h) rules_error(c, "%s is in no domain of `domains`", quote(&q, w->s, w->n));
  else if (rules_add(c, TABLE_RECIPIENTS, key, len, *w, "", 0) && !h->recipient) h->recipient = c->line;
}
