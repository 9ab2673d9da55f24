/* The mail exchangers of a domain. */
#include <sys/types.h>
#include <stdlib.h>
#include <arpa/nameser.h>
#include <skalibs/random.h>
#include "dns/mx.h"

static int compare(void const *a, void const *b)
{
  struct mx const *x = a, *y = b;
  if (x->preference != y->preference) return x->preference < y->preference ? -1 : 1;
  return (x->random > y->random) - (x->random < y->random);
}

void mx_sort(struct mx_list *l)
{
  qsort(l->mx, l->n, sizeof *l->mx, compare);
}

enum dns_state mx_find(struct resolver *r, char const *domain, struct mx_list *l)
{
  size_t len;
  enum dns_state s = resolver_ask(r, domain, ns_t_mx, &len);
  l->n = l->bad = l->null = l->secure = 0;
  *l->owner = 0;
  if (s != DNS_FOUND) return s;
  if (dns_answer_mx(l, domain, r->answer, len) < 0) return DNS_FAILED;
  if (!l->n && !l->bad && !l->null) return DNS_NONE;
  l->secure = r->secure;
  for (unsigned i = 0; i < l->n; i++) random_buf((char *)&l->mx[i].random, sizeof l->mx[i].random);
  mx_sort(l);
  return DNS_FOUND;
}
