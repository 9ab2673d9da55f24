/* The TXT records of a name. */
#include <sys/types.h>
#include <arpa/nameser.h>
#include "dns/txt.h"

struct counting {
  dns_txt_fn *each;
  void *arg;
  unsigned n;
};

static void count(void *arg, char const *s, size_t len)
{
  struct counting *c = arg;
  c->n++;
  c->each(c->arg, s, len);
}

enum dns_state txt_find(struct resolver *r, char const *name, dns_txt_fn *each, void *arg)
{
  struct counting c = { .each = each, .arg = arg };
  size_t len;
  enum dns_state s = resolver_ask(r, name, ns_t_txt, &len);
  if (s != DNS_FOUND) return s;
  if (dns_answer_txt(count, &c, name, r->answer, len) < 0) return DNS_FAILED;
  return c.n ? DNS_FOUND : DNS_NONE;
}
