/* The forms of addresses by which relays have been opened, and their tests for one server. Pure.
 *
 * A form is two templates, for what stands behind `MAIL FROM:` and behind `RCPT TO:`, and sometimes a third for the
 * greeting. In a template
 *   $u $t   local part and domain of the target, an address outside
 *   $f      the sender's address, outside, too
 *   $o      a name of the server's own, or its address literal
 *   $r      a local part that surely nobody has
 *   $4 $6   the literal of an address outside: of a network for documentation (RFC 5737, RFC 3849), nobody's
 * A form with $o makes one test for each of the server's names. */
#ifndef PROBE_FORMS_H
#define PROBE_FORMS_H

#include <skalibs/stralloc.h>
#include "base/limits.h"
#include "parse/domain.h"
#include "parse/ip.h"

#define PROBE_NAMES 8   /* names of the server, literals among them */
#define PROBE_TESTS 480 /* more than the forms can make */

enum probe_home { /* where a server that knows nothing of routing inside addresses takes the recipient to be */
  PROBE_OUTSIDE,  /* at the target's domain, or at a literal outside: who accepts it relays */
  PROBE_OWN,      /* at $o: who accepts it may just as well have a mailbox that takes everything */
  PROBE_BARE,     /* nowhere: an address without a domain, so local */
};

struct probe_form {
  char const *name;
  char const *mail, *rcpt;     /* templates. A mail other than <$f> is part of the form: refused, so is the form */
  char const *hello;           /* template, the command and the name; null: as in all tests */
  unsigned char home;          /* enum probe_home */
  unsigned utf8 : 1;           /* needs SMTPUTF8 */
  unsigned control : 1;        /* no form: what the server does with a local part that surely nobody has */
};

struct probe_names {
  unsigned n;
  char name[PROBE_NAMES][DOMAIN_TEXT]; /* canonical, or "[192.0.2.1]", "[IPv6:2001:db8::1]" */
};

struct probe_test {
  struct probe_form const *form;
  unsigned name;               /* which of the server's names stands for $o; PROBE_NAMES: it has no $o */
};

struct probe_plan {
  struct probe_names names;
  char user[LIMIT_ADDRESS + 1], domain[DOMAIN_TEXT]; /* of the target; the domain canonical */
  char sender[LIMIT_ADDRESS + 1];
  char unlikely[48];
  unsigned n;
  struct probe_test test[PROBE_TESTS]; /* controls first */
};

/* Adds a name of the server's, s[0..n), any bytes; what is no domain, or there already, or one too many, is left out.
 * `above`: of a name such as mail.example.com the domain above it, too, for which the server probably takes mail. */
void probe_name_add(struct probe_names *names, char const *s, size_t n, int above);

/* Adds the literal of an address; the last place is kept for it. */
void probe_literal_add(struct probe_names *names, struct ip const *ip);

/* Lists the tests; everything else in plan is set. */
void probe_plan_make(struct probe_plan *plan);

/* Appends what a template means in a test. Returns 1, or 0 when there is no memory. */
int probe_expand(stralloc *out, struct probe_plan const *plan, struct probe_test const *test, char const *pattern);

#endif
