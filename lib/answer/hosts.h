/* Where a domain's mail exchangers are: all their addresses, or none. */
#ifndef ANSWER_HOSTS_H
#define ANSWER_HOSTS_H

#include "ask/line.h"
#include "remote/remote.h"

/* Looks up the addresses to which the domain's (canonical) MX records lead, or its own if there are none: IPv6 and
 * IPv4, of all exchangers that are better than ourselves (RFC 5321 5.1), without those that nobody can connect to.
 * YES with at least one; NO: the domain does not exist, takes no mail (RFC 7505), or leads nowhere but to us; UNKNOWN
 * when any look-up failed, when there are more exchangers or addresses than dns/answer.h or a line keeps, and when
 * rm->dns.deadline has passed: who grants by these addresses must see them all. */
void hosts_find(struct remote *rm, char const *domain, struct ask_answer *a);

#endif
