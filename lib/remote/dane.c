/* DANE: what the TLSA records of a target demand. */
#include <stdio.h>
#include <string.h>
#include "remote/dane.h"

/* One record, for tls/client.h. */
static struct tls_tlsa entry(struct tlsa_list const *l, unsigned i)
{
  struct tlsa const *r = &l->tlsa[i];
  return (struct tls_tlsa){ .usage = r->usage, .selector = r->selector, .matching = r->matching, .len = r->len,
    .data = l->data + r->at };
}

static enum dane_state judge(struct tlsa_list const *l)
{
  for (unsigned i = 0; i < l->n; i++) {
    struct tls_tlsa r = entry(l, i);
    if (tls_tlsa_usable(&r)) return DANE_USABLE;
  }
  return DANE_UNUSABLE;
}

/* Asks for the records at one candidate for the base domain. */
static enum dane_state ask_at(struct dane *k, struct resolver *dns, char const *base)
{
  strcpy(k->base, base);
  switch (tlsa_find(dns, base, k->port, &k->list)) {
    case DNS_FOUND: return k->list.secure ? judge(&k->list) : DANE_NONE;
    case DNS_FAILED: return DANE_FAILED;
    default: return DANE_NONE;
  }
}

/* RFC 7672 2.2.2: the end of the CNAMEs comes first, when each of them and the addresses are validated; then the name
 * itself. Where the addresses are not, the name's own zone may still be signed, if a CNAME leads out of it. In other
 * zones nobody is asked: there are name servers which know A and break on TLSA. */
static enum dane_state ask(struct dane *k, struct resolver *dns, struct target const *t)
{
  if (t->secure && *t->alias) {
    enum dane_state s = ask_at(k, dns, t->alias);
    if (s != DANE_NONE) return s;
  }
  if (!t->secure) {
    enum dns_state s = t->aliased ? tlsa_alias(dns, t->host) : DNS_NONE;
    strcpy(k->base, t->host);
    if (s != DNS_FOUND) return s == DNS_FAILED ? DANE_FAILED : DANE_NONE;
  }
  return ask_at(k, dns, t->host);
}

/* RFC 7672 3.2.2: the base domain, and the domain by which it was found, also without its CNAMEs. */
static void add_names(struct tls_demand *d, struct dane const *k, struct targets const *t)
{
  d->names_n = 0;
  demand_name(d, k->base);
  demand_name(d, t->route.host);
  if (t->route.mx) demand_name(d, t->mx.owner);
}

_Static_assert(TLS_CLIENT_TLSA >= DNS_TLSA, "every record must count: the one that fits may be any");

static void verify(struct tls_demand *d, struct dane const *k, struct targets const *t)
{
  d->level = TLS_VERIFY;
  d->source = TLS_BY_DANE;
  d->check = TLS_CHECK_DANE;
  d->tlsa_n = 0;
  for (unsigned i = 0; i < k->list.n; i++) {
    struct tls_tlsa r = entry(&k->list, i);
    if (tls_tlsa_usable(&r)) d->tlsa[d->tlsa_n++] = r;
  }
  add_names(d, k, t);
}

void dane_forget(struct dane *known)
{
  *known->host = 0;
}

int dane_demand(struct dane *known, struct tls_demand *d, struct targets *t, struct target const *target)
{
  char text[DOMAIN_TEXT + 16];
  known->fresh = 0;
  if (demand_told(&t->route) || !target->named || !*target->host || !t->dns->trusted) return 1;
  if (known->port != target->port || strcmp(known->host, target->host)) {
    strcpy(known->host, target->host);
    known->port = target->port;
    known->state = ask(known, t->dns, target);
    known->fresh = 1;
  }
  switch (known->state) {
    case DANE_USABLE:
      verify(d, known, t);
      break;
    case DANE_UNUSABLE:
      if (d->level > TLS_MAY) break;
      d->level = TLS_REQUIRED;
      d->source = TLS_BY_DANE;
      break;
    case DANE_FAILED:
      snprintf(text, sizeof text, "_%u._tcp.%s", known->port, known->base);
      failure_note(&t->failure, 'Z', "the DNS gives no answer on TLSA records of ", text, " (#4.4.3)");
      return 0;
    default:
      break;
  }
  return 1;
}
