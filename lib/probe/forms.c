/* The forms of addresses by which relays have been opened. */
#include <string.h>
#include "parse/address.h"
#include "probe/forms.h"

/* Gathered from what testers of relays have tried since the nineties, RFC 2505 2.1 and 2.11, RFC 5321 appendix C and
 * F.2, RFC 1123 5.2.16, RFC 976 (bang paths), and what servers do with SRS and SMTPUTF8. */
static struct probe_form const forms[] = {
  { .name = "control: unlikely mailbox", .mail = "<$f>", .rcpt = "<$r@$o>", .home = PROBE_OWN, .control = 1 },
  { .name = "control: unlikely, bare", .mail = "<$f>", .rcpt = "<$r>", .home = PROBE_BARE, .control = 1 },

  { .name = "plain", .mail = "<$f>", .rcpt = "<$u@$t>" },

  /* who sends */
  { .name = "null sender", .mail = "<>", .rcpt = "<$u@$t>" },
  { .name = "sender postmaster here", .mail = "<postmaster@$o>", .rcpt = "<$u@$t>" },
  { .name = "sender here", .mail = "<relay-probe@$o>", .rcpt = "<$u@$t>" },
  { .name = "sender without domain", .mail = "<relay-probe>", .rcpt = "<$u@$t>" },
  { .name = "sender postmaster, bare", .mail = "<postmaster>", .rcpt = "<$u@$t>" },
  { .name = "sender at localhost", .mail = "<relay-probe@localhost>", .rcpt = "<$u@$t>" },
  { .name = "sender is recipient", .mail = "<$u@$t>", .rcpt = "<$u@$t>" },
  { .name = "sender by source route", .mail = "<@$o:$f>", .rcpt = "<$u@$t>" },
  { .name = "sender vouched by AUTH=", .mail = "<$f> AUTH=postmaster@$o", .rcpt = "<$u@$t>" },

  /* the target's domain stands last, or should count */
  { .name = "no brackets", .mail = "<$f>", .rcpt = "$u@$t" },
  { .name = "no brackets at all", .mail = "$f", .rcpt = "$u@$t" },
  { .name = "space before the path", .mail = " <$f>", .rcpt = " <$u@$t>" },
  { .name = "two pairs of brackets", .mail = "<$f>", .rcpt = "<<$u@$t>>" },
  { .name = "dot behind the domain", .mail = "<$f>", .rcpt = "<$u@$t.>" },
  { .name = "quoted local part", .mail = "<$f>", .rcpt = "<\"$u\"@$t>" },
  { .name = "source route", .mail = "<$f>", .rcpt = "<@$o:$u@$t>" },
  { .name = "source route, two steps", .mail = "<$f>", .rcpt = "<@$o,@$t:$u@$t>" },
  { .name = "at-at, outward", .mail = "<$f>", .rcpt = "<$u@$o@$t>" },
  { .name = "percent, outward", .mail = "<$f>", .rcpt = "<$u%$o@$t>" },
  { .name = "bang, outward", .mail = "<$f>", .rcpt = "<$o!$u@$t>" },

  /* nobody's name in the DNS, but an address */
  { .name = "literal outside", .mail = "<$f>", .rcpt = "<$u@$4>" },
  { .name = "IPv6 literal outside", .mail = "<$f>", .rcpt = "<$u@$6>" },

  /* a local part of the server's that leads on */
  { .name = "percent", .mail = "<$f>", .rcpt = "<$u%$t@$o>", .home = PROBE_OWN },
  { .name = "percent twice", .mail = "<$f>", .rcpt = "<$u%$t%$o@$o>", .home = PROBE_OWN },
  { .name = "percent, quoted", .mail = "<$f>", .rcpt = "<\"$u%$t\"@$o>", .home = PROBE_OWN },
  { .name = "bang", .mail = "<$f>", .rcpt = "<$t!$u@$o>", .home = PROBE_OWN },
  { .name = "bang, quoted", .mail = "<$f>", .rcpt = "<\"$t!$u\"@$o>", .home = PROBE_OWN },
  { .name = "bang twice", .mail = "<$f>", .rcpt = "<$o!$t!$u@$o>", .home = PROBE_OWN },
  { .name = "at-at", .mail = "<$f>", .rcpt = "<$u@$t@$o>", .home = PROBE_OWN },
  { .name = "at, quoted", .mail = "<$f>", .rcpt = "<\"$u@$t\"@$o>", .home = PROBE_OWN },
  { .name = "at, backslashed", .mail = "<$f>", .rcpt = "<$u\\@$t@$o>", .home = PROBE_OWN },
  { .name = "at and percent", .mail = "<$f>", .rcpt = "<$u@$t%$o@$o>", .home = PROBE_OWN },
  { .name = "source route, quoted", .mail = "<$f>", .rcpt = "<\"@$o:$u@$t\"@$o>", .home = PROBE_OWN },
  { .name = "source route by the target", .mail = "<$f>", .rcpt = "<@$t:$r@$o>", .home = PROBE_OWN },
  { .name = "SRS without its hash", .mail = "<>", .rcpt = "<SRS0=aaaa=aa=$t=$u@$o>", .home = PROBE_OWN },
  { .name = "DECnet", .mail = "<$f>", .rcpt = "<$t::$u@$o>", .home = PROBE_OWN },
  { .name = "two addresses, comma", .mail = "<$f>", .rcpt = "<$u@$t,$r@$o>", .home = PROBE_OWN },

  /* no domain at all: local, or led on */
  { .name = "at, quoted, bare", .mail = "<$f>", .rcpt = "<\"$u@$t\">", .home = PROBE_BARE },
  { .name = "percent, bare", .mail = "<$f>", .rcpt = "<$u%$t>", .home = PROBE_BARE },
  { .name = "percent, quoted, bare", .mail = "<$f>", .rcpt = "<\"$u%$t\">", .home = PROBE_BARE },
  { .name = "bang, bare", .mail = "<$f>", .rcpt = "<$t!$u>", .home = PROBE_BARE },
  { .name = "bang twice, bare", .mail = "<$f>", .rcpt = "<$o!$t!$u>", .home = PROBE_BARE },
  { .name = "bang and percent", .mail = "<$f>", .rcpt = "<$t!$u%$o>", .home = PROBE_BARE },
  { .name = "at behind the domain", .mail = "<$f>", .rcpt = "<$u@$t@>", .home = PROBE_BARE },
  { .name = "percent, at without domain", .mail = "<$f>", .rcpt = "<$u%$t@>", .home = PROBE_BARE },

  /* UTF-8: U+FF20 and U+FF05 become @ and % where somebody normalises */
  { .name = "UTF-8 without SMTPUTF8", .mail = "<$f>", .rcpt = "<$u\xef\xbc\xa0$t@$o>", .home = PROBE_OWN },
  { .name = "UTF-8 local part", .mail = "<$f> SMTPUTF8", .rcpt = "<\xc3\xbc$u@$t>", .utf8 = 1 },
  { .name = "UTF-8 sender", .mail = "<\xc3\xbc$f> SMTPUTF8", .rcpt = "<$u@$t>", .utf8 = 1 },
  { .name = "UTF-8, wide at", .mail = "<$f> SMTPUTF8", .rcpt = "<$u\xef\xbc\xa0$t@$o>", .home = PROBE_OWN, .utf8 = 1 },
  { .name = "UTF-8, wide percent", .mail = "<$f> SMTPUTF8", .rcpt = "<$u\xef\xbc\x85$t@$o>", .home = PROBE_OWN,
    .utf8 = 1 },
  { .name = "UTF-8 and percent", .mail = "<$f> SMTPUTF8", .rcpt = "<\xc3\xbc$u%$t@$o>", .home = PROBE_OWN, .utf8 = 1 },

  /* who says to be the server; last, since some servers then hear no more of us */
  { .name = "EHLO with its name", .hello = "EHLO $o", .mail = "<$f>", .rcpt = "<$u@$t>" },
  { .name = "HELO with its name", .hello = "HELO $o", .mail = "<$f>", .rcpt = "<$u@$t>" },
  { .name = "EHLO localhost", .hello = "EHLO localhost", .mail = "<$f>", .rcpt = "<$u@$t>" },
  { .name = "HELO localhost", .hello = "HELO localhost", .mail = "<$f>", .rcpt = "<$u@$t>" },
};

#define FORMS (sizeof forms / sizeof *forms)
_Static_assert(FORMS * PROBE_NAMES <= PROBE_TESTS, "the plan has no room for all tests");

static int has(struct probe_names const *names, char const *name)
{
  for (unsigned i = 0; i < names->n; i++) if (!strcmp(names->name[i], name)) return 1;
  return 0;
}

static void add(struct probe_names *names, char const *name, unsigned room)
{
  if (names->n >= room) return;
  if (has(names, name)) return;
  strcpy(names->name[names->n++], name);
}

void probe_name_add(struct probe_names *names, char const *s, size_t n, int above)
{
  char name[DOMAIN_TEXT];
  if (!domain_canon(name, s, n)) return;
  add(names, name, PROBE_NAMES - 1);
  char const *rest = strchr(name, '.');
  if (above && rest && strchr(rest + 1, '.')) add(names, rest + 1, PROBE_NAMES - 1);
}

void probe_literal_add(struct probe_names *names, struct ip const *ip)
{
  char literal[DOMAIN_TEXT];
  address_literal_fmt(literal, ip);
  add(names, literal, PROBE_NAMES);
}

static void plan_form(struct probe_plan *plan, struct probe_form const *f)
{
  unsigned each = strstr(f->mail, "$o") || strstr(f->rcpt, "$o") || (f->hello && strstr(f->hello, "$o"));
  unsigned from = each ? 0 : PROBE_NAMES, to = each ? plan->names.n : PROBE_NAMES + 1;
  for (unsigned i = from; i < to; i++) plan->test[plan->n++] = (struct probe_test){ .form = f, .name = i };
}

void probe_plan_make(struct probe_plan *plan)
{
  plan->n = 0;
  for (size_t i = 0; i < FORMS; i++) plan_form(plan, &forms[i]);
}

/* A server in a network for documentation may be one of a laboratory: its own literal is not outside. */
static char const *outside(struct probe_names const *names, char const *const literals[2])
{
  return literals[has(names, literals[0])];
}

int probe_expand(stralloc *out, struct probe_plan const *plan, struct probe_test const *test, char const *pattern)
{
  static char const *const v4[] = { "[192.0.2.1]", "[198.51.100.1]" };
  static char const *const v6[] = { "[IPv6:2001:db8::1]", "[IPv6:2001:db8:ffff::1]" };
  for (char const *p = pattern; *p; p++) {
    char const *value = 0;
    if (*p == '$') {
      switch (*++p) {
        case 'u': value = plan->user; break;
        case 't': value = plan->domain; break;
        case 'f': value = plan->sender; break;
        case 'r': value = plan->unlikely; break;
        case '4': value = outside(&plan->names, v4); break;
        case '6': value = outside(&plan->names, v6); break;
        case 'o': value = plan->names.name[test->name]; break;
      }
    }
    if (!stralloc_catb(out, value ? value : p, value ? strlen(value) : 1)) return 0;
  }
  return 1;
}
