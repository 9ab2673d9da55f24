/* Which lines of the rules fit an address or a client: pure look-ups, each at most a few per label of a domain or per
 * prefix length in use, however many lines there are (match_device: for each prefix that holds the client one per pair
 * of a sender's and a recipient's label). Keys, all canonical:
 *
 * domains      DOMAIN, .SUFFIX (all below, not itself), [LITERAL]
 * recipients   LOCAL@DOMAIN   LOCAL+*@DOMAIN, LOCAL-*@DOMAIN (an extension follows)   @DOMAIN   @.SUFFIX
 * aliases      the same
 * relay        grant login | grant clients | grant pop | grant anyone     data: "", "", policy/pop.h's, "open-relay"
 *              grant to TO        deny to TO        TO: LOCAL@DOMAIN, DOMAIN, .SUFFIX or [LITERAL]
 *              own .SUFFIX                          a top-level domain that is ours alone; for relay-prove
 *              local TO                             who is not hosted but counts as such for the next two
 *              grant sender hosted | grant sender user | grant sender FROM      data: "forgeable"
 *                                                   FROM: LOCAL@DOMAIN, @DOMAIN or @.SUFFIX
 *              grant to-host BITS                   BITS: gate_cidr_key
 *              grant device BITS FROM TO            FROM also: any, hosted; TO also: any, hosted
 *              require sender hosted | require login | require tls
 *              grant to-host/4, grant to-host/6, grant device/4, grant device/6    line 0: the prefix lengths in use, a
 *                                                   byte each, longest first
 *              grant device BITS                    line 0, data "": there are lines for this prefix
 *
 * All return 1 with the record, 0 when no line fits, -1 when the table is corrupt. That a line was not found because
 * the file has been cut in place is for the caller to see, after the last of many: table_whole. */
#ifndef POLICY_MATCH_H
#define POLICY_MATCH_H

#include "parse/address.h"
#include "parse/ip.h"
#include "table/table.h"

/* Is this canonical domain (or literal) hosted? Asks for the domain itself, then its suffixes. */
int match_hosted(struct table_set const *t, char const *domain, struct record *r);

/* A mailbox in TABLE_RECIPIENTS or TABLE_ALIASES: one of its own (the address, or the longest of it with an extension),
 * and one for all of a domain. */
int match_mailbox(struct table_set const *t, enum table which, struct address const *a, struct record *r);
int match_catch_all(struct table_set const *t, enum table which, struct address const *a, struct record *r);

/* A line of `relay` that is `what`, word for word. */
int match_line(struct table_set const *t, char const *what, struct record *r);

/* Of all lines `verb TO` that fit an address the one that stands first. verb: "grant to", "deny to", "local". */
int match_to(struct table_set const *t, char const *verb, struct address const *a, struct record *r);

/* Of all lines `grant sender ...` that fit the one that stands first. The null sender fits none. */
int match_sender(struct table_set const *t, struct address const *sender, struct record *r);

/* Do `grant sender hosted` and `grant sender user` hold for this sender, if there are such lines? Not the null sender.
 * Return 1, 0, or -1 when the table is corrupt. */
int match_as_hosted(struct table_set const *t, struct address const *sender);
int match_as_user(struct table_set const *t, struct address const *sender);

/* Of all lines `grant to-host` whose prefix holds ip the one that stands first. That mail goes there at all is for
 * route_by_mx (policy/route.h) to say. */
int match_to_host(struct table_set const *t, struct ip const *ip, struct record *r);

/* Of all lines `grant device` that fit client, sender and recipient the one that stands first. The recipient is not
 * hosted (those need no grant, so `to hosted` fits nobody who gets here). */
int match_device(struct table_set const *t, struct ip const *client, struct address const *sender,
                 struct address const *recipient, struct record *r);
/* Is there any line `grant device` for this client? */
int match_device_client(struct table_set const *t, struct ip const *client, struct record *r);

#endif
