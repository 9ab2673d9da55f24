/* The addresses of a host. */
#include <sys/types.h>
#include <arpa/nameser.h>
#include "dns/addr.h"

static void start(struct address_list *l)
{
  l->n = l->more = l->secure = l->aliased = 0;
  *l->owner = 0;
}

static enum dns_state find(struct resolver *r, char const *name, int type, struct address_list *l)
{
  size_t len;
  unsigned before = l->n;
  enum dns_state s = resolver_ask(r, name, type, &len);
  if (s != DNS_FOUND) return s;
  if (dns_answer_addresses(l, name, type, r->answer, len) < 0) {
    l->n = before;
    return DNS_FAILED;
  }
  if (l->n == before) return DNS_NONE;
  l->secure = r->secure && (!before || l->secure);
  return DNS_FOUND;
}

void addr_interleave(struct address_list *l)
{
  struct address_list from = *l;
  unsigned next[2] = { 0, 0 }; /* per family: where in `from` to go on */
  unsigned turn = 0;
  for (unsigned n = 0; n < l->n; turn ^= 1) {
    unsigned *i = &next[turn];
    while (*i < from.n && from.ip[*i].len != (turn ? 4 : 16)) ++*i;
    if (*i < from.n) l->ip[n++] = from.ip[(*i)++];
  }
}

enum dns_state addr_find(struct resolver *r, char const *name, int v6, struct address_list *l)
{
  enum dns_state s6 = DNS_NONE, s4;
  start(l);
  if (v6) s6 = find(r, name, ns_t_aaaa, l);
  if (s6 == DNS_NO_NAME) return s6; /* the name itself is missing: A would say the same */
  s4 = find(r, name, ns_t_a, l);
  addr_interleave(l);
  if (l->n) return DNS_FOUND;
  if (s4 == DNS_FAILED || s6 == DNS_FAILED) return DNS_FAILED;
  return s4;
}

enum dns_state addr_find_all(struct resolver *r, char const *name, struct address_list *l)
{
  start(l);
  enum dns_state s6 = find(r, name, ns_t_aaaa, l);
  if (s6 == DNS_FAILED) return s6;
  enum dns_state s4 = find(r, name, ns_t_a, l);
  if (s4 == DNS_FAILED || l->more) return DNS_FAILED;
  return l->n ? DNS_FOUND : s4;
}
