/* The IP gate: tcprules' rules in tcprules' order, with CIDR for IPv4 and IPv6. Pure look-ups.
 *
 * Keys of the table `clients`, in the order in which they are asked for a client a.b.c.d named h.example, its user u:
 *
 *   u@a.b.c.d   u@=h.example   a.b.c.d   =h.example      exact
 *   a.b.c.   a.b.   a.                                   dotted prefixes, IPv4 only
 *   _BITS  (IPv4)   ^BITS  (IPv6)                        CIDR, longest first; BITS: the prefix in 0 and 1
 *   =.example                                            suffixes of the name, longest first
 *   =                                                    any named client
 *   (empty)                                              everybody
 *
 * Addresses are canonical (parse/ip.h), names too (parse/domain.h). The keys /4 and /6, which no rule can have, hold
 * the prefix lengths in use, a byte each, longest first, with line 0: so CIDR costs a look-up for each of them. */
#ifndef POLICY_GATE_H
#define POLICY_GATE_H

#include "parse/ip.h"
#include "table/table.h"

#define GATE_SMTP_DENIED "554 5.7.1 No SMTP service for your address here\r\n"
#define GATE_SMTP_FAILED "451 4.3.5 The server is not ready, try again later\r\n"

#define GATE_INFO 512    /* bytes of TCPREMOTEINFO (RFC 1413 6); a longer one counts as none */
#define GATE_LENGTHS4 "/4"
#define GATE_LENGTHS6 "/6"

enum gate_verdict { GATE_DENY, GATE_ALLOW, GATE_TEMPFAIL /* the table is corrupt, or there is none */ };

/* Which rule of `clients` holds for this client. ip->len 0: unknown, only the empty rule and the name's can hold. host
 * and info (TCPREMOTEHOST, TCPREMOTEINFO) may be null; empty ones count as null; any byte may occur. t may be null. On
 * ALLOW and DENY r is the rule (r->line is 0 when none matched: allowed, without variables, as tcprules has it). */
enum gate_verdict gate_find(struct table_set const *t, struct ip const *ip, char const *host, char const *info,
                            struct record *r);

/* Goes through all rules that fit this client, in the order in which they are asked; gate_find's is the first. Each
 * goes to `rule` with its key; when that returns something else than 0 this ends and returns it. Returns 0 behind the
 * last one, -1 when the table is corrupt. */
typedef int gate_rule_fn(void *arg, char const *key, size_t len, struct record const *r);
int gate_each(struct table_set const *t, struct ip const *ip, char const *host, char const *info, gate_rule_fn *rule,
              void *arg);

/* Is this variable one that no rule may set? It says what relay-gate, the super-server or a program of ours has found
 * out, and who comes after them believes it: with TCPREMOTEIP a rule would make all strangers the device of another
 * line. */
int gate_is_fact(char const *name, size_t n);

/* Goes through the variables of a rule: *pos starts at 0. Returns 1 with var ("VAR=value", NUL-terminated, into the
 * table), 0 at the end, -1 when malformed or a fact. */
int gate_variable(struct record const *r, uint32_t *pos, char const **var);

/* Writes the key of a CIDR prefix: `_` or `^` and `bits` digits (8 * ip->len at most), no NUL. Returns its length. */
#define GATE_CIDR 129
size_t gate_cidr_key(char out[GATE_CIDR], struct ip const *ip, unsigned bits);

/* The way back: reads `_BITS` or `^BITS`, all of s[0..n). Returns 1 with the prefix, or 0. */
int gate_cidr_scan(struct ip *ip, unsigned *bits, char const *s, size_t n);

/* The same for any key that is about addresses alone: also `10.1.` and a single address. Any byte may occur. */
int gate_prefix_scan(struct ip *ip, unsigned *bits, char const *s, size_t n);

#endif
