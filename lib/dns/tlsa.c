/* The TLSA records of a server. */
#include <sys/types.h>
#include <stdio.h>
#include <arpa/nameser.h>
#include "dns/tlsa.h"

enum dns_state tlsa_find(struct resolver *r, char const *name, uint16_t port, struct tlsa_list *l)
{
  char text[DOMAIN_TEXT + 16];
  size_t len;
  l->n = l->more = l->secure = l->len = 0;
  if (snprintf(text, sizeof text, "_%u._tcp.%s", port, name) >= DOMAIN_TEXT) return DNS_NONE;
  enum dns_state s = resolver_ask(r, text, ns_t_tlsa, &len);
  if (s != DNS_FOUND) return s;
  if (dns_answer_tlsa(l, text, r->answer, len) < 0) return DNS_FAILED;
  l->secure = r->secure;
  return l->n || l->more ? DNS_FOUND : DNS_NONE;
}

enum dns_state tlsa_alias(struct resolver *r, char const *name)
{
  size_t len;
  enum dns_state s = resolver_ask(r, name, ns_t_cname, &len);
  if (s == DNS_FOUND && !r->secure) return DNS_NONE;
  return s == DNS_NO_NAME ? DNS_NONE : s;
}
