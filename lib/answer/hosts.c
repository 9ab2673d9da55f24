/* Where a domain's mail exchangers are. */
#include <stdio.h>
#include <string.h>
#include "answer/hosts.h"

enum fate { FATE_OK, FATE_SELF, FATE_UNKNOWN };

static void conclude(struct ask_answer *a, enum answer state, char const *before, char const *name, char const *behind)
{
  a->state = state;
  a->n = 0;
  snprintf(a->text, sizeof a->text, "%s%s%s", before, name, behind);
}

static enum fate unknown(struct ask_answer *a, char const *before, char const *name, char const *behind)
{
  conclude(a, ANSWER_UNKNOWN, before, name, behind);
  return FATE_UNKNOWN;
}

/* Appends, each once. Returns 0, or -1: there is no room. */
static int add(struct ask_answer *a, struct ip const *ip)
{
  for (unsigned i = 0; i < a->n; i++) {
    if (a->ip[i].len == ip->len && !memcmp(a->ip[i].b, ip->b, ip->len)) return 0;
  }
  if (a->n == ASK_IPS) return -1;
  a->ip[a->n++] = *ip;
  return 0;
}

static enum fate add_host(struct remote *rm, char const *host, struct ask_answer *a)
{
  struct address_list l;
  if (!strcmp(host, rm->me)) return FATE_SELF;
  switch (addr_find_all(&rm->dns, host, &l)) {
    case DNS_FAILED: return unknown(a, "the DNS gives no answer, or too much, on ", host, " (#4.4.3)");
    case DNS_FOUND: break;
    default: return FATE_OK;
  }
  for (unsigned i = 0; i < l.n; i++) {
    if (self_has(&rm->self, &l.ip[i])) return FATE_SELF;
    if (self_never(&l.ip[i])) continue;
    if (add(a, &l.ip[i]) < 0) return unknown(a, "too many addresses of mail servers, at ", host, " (#4.4.4)");
  }
  return FATE_OK;
}

/* All exchangers, group by group of one preference: one that is ourselves drops its group and the worse ones. */
static void add_all(struct remote *rm, char const *domain, struct mx_list const *mx, struct ask_answer *a)
{
  enum fate fate = FATE_OK;
  unsigned better = 0;
  for (unsigned i = 0; i < mx->n && fate == FATE_OK; i++) {
    if (i && mx->mx[i].preference != mx->mx[i - 1].preference) better = a->n;
    fate = add_host(rm, mx->mx[i].host, a);
  }
  if (fate == FATE_UNKNOWN) return;
  if (fate == FATE_SELF) a->n = better;
  if (a->n) a->state = ANSWER_YES;
  else if (fate == FATE_SELF)
    conclude(a, ANSWER_NO, "the best mail server for ", domain, " is this machine itself (#5.4.6)");
  else conclude(a, ANSWER_NO, "there is no address of a mail server for ", domain, " (#5.4.4)");
}

void hosts_find(struct remote *rm, char const *domain, struct ask_answer *a)
{
  struct mx_list mx;
  a->n = 0;
  *a->text = 0;
  switch (mx_find(&rm->dns, domain, &mx)) {
    case DNS_FOUND:
      if (mx.null) conclude(a, ANSWER_NO, domain, " takes no mail: null MX (#5.1.10)", "");
      else if (mx.more) unknown(a, domain, " has too many mail servers (#4.4.4)", "");
      else if (!mx.n) conclude(a, ANSWER_NO, domain, " has no usable mail server name (#5.4.4)", "");
      else add_all(rm, domain, &mx, a);
      break;
    case DNS_NONE: /* RFC 5321 5.1: the domain is its own mail exchanger */
      mx.n = 1;
      mx.mx[0].preference = 0;
      strcpy(mx.mx[0].host, domain);
      add_all(rm, domain, &mx, a);
      break;
    case DNS_NO_NAME:
      conclude(a, ANSWER_NO, "there is no domain ", domain, " (#5.1.2)");
      break;
    default:
      unknown(a, "the DNS gives no answer on ", domain, " (#4.4.3)");
  }
}
