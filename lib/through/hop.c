/* The next hop: one for all, since one dialogue gives one answer. */
#include <stdio.h>
#include <string.h>
#include "parse/address.h"
#include "policy/route.h"
#include "through/through.h"

static int say(struct through_verdict *v, char kind, char const *text)
{
  v->kind = kind;
  snprintf(v->text, sizeof v->text, "%s", text);
  return 0;
}

/* The domain behind a recipient; a postmaster without one is ours (RFC 5321 4.5.1). */
static int domain_of(struct table_set const *t, char const *recipient, char out[DOMAIN_TEXT])
{
  struct address a;
  struct record me;
  if (address_mailbox(&a, recipient, strlen(recipient), 1) != ADDRESS_OK) return 0;
  if (*a.domain) {
    memcpy(out, a.domain, sizeof a.domain);
    return 1;
  }
  if (table_find(t, TABLE_ME, "", 0, &me) != 1) return -1;
  return domain_canon(out, me.data, me.len) ? 1 : -1;
}

int through_hop(struct table_set const *t, char const *recipients, unsigned n, char domain[DOMAIN_TEXT],
                struct through_verdict *v)
{
  char other[DOMAIN_TEXT], word[ROUTE_TEXT], first[ROUTE_TEXT] = "";
  struct route route;
  for (unsigned i = 0; i < n; i++, recipients += strlen(recipients) + 1) {
    int found = t ? domain_of(t, recipients, i ? other : domain) : -1;
    if (!found) return say(v, 'D', "5.1.3 a recipient is no address");
    if (found < 0 || route_find(t, i ? other : domain, &route) < 0) return say(v, 'Z', "4.3.5 the rules can't be read");
    route_fmt(i ? word : first, &route);
    if (i && strcmp(word, first))
      return say(v, 'Z', "4.5.3 the recipients have more than one next hop: send to each domain by itself");
  }
  return 1;
}
