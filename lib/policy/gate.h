/* The IP gate: tcprules' rules in tcprules' order, with CIDR for IPv4 and IPv6 (interfaces.md, tcprules). Pure look-ups. */
#ifndef POLICY_GATE_H
#define POLICY_GATE_H

#include "parse/ip.h"
#include "table/table.h"

enum gate_verdict { GATE_DENY, GATE_ALLOW, GATE_TEMPFAIL /* the table is corrupt */ };

/* Which rule of `clients` holds for this client. host and info (TCPREMOTEHOST, TCPREMOTEINFO) may be null. On ALLOW
 * and DENY r is the rule (r->line is 0 when none matched: allowed, without variables, as tcprules has it). */
enum gate_verdict gate_find(struct table_set const *t, struct ip const *ip, char const *host, char const *info, struct record *r);

/* Goes through the variables of a rule: *pos starts at 0. Returns 1 with var ("VAR=value", NUL-terminated, into the table), 0 at the end,
 * -1 when malformed. */
int gate_variable(struct record const *r, uint32_t *pos, char const **var);

#endif
