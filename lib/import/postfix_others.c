/* What main.cf and master.cf say besides: named, so that nothing is dropped silently. */
#include <errno.h>
#include <string.h>
#include "import/postfix.h"

/* Parameters that decide about relaying, about which recipients there are, or where mail goes, and have no counterpart;
 * a name that ends in * stands for all that begin so. */
static struct { char const *name, *why; } const deciding[] = {
  { "allow_min_user", 0 },
  { "allow_percent_hack", "a recipient with % is never accepted here" },
  { "allow_untrusted_routing", "a recipient with % ! or @ in its local part is never accepted here" },
  { "always_bcc", 0 },
  { "append_*", 0 },
  { "body_checks", 0 },
  { "canonical_*", 0 },
  { "content_filter", 0 },
  { "fallback_*", 0 },
  { "header_checks", 0 },
  { "inet_interfaces", "the super-server says where to listen" },
  { "luser_relay", 0 },
  { "mailbox_*", 0 },
  { "masquerade_*", 0 },
  { "mime_header_checks", 0 },
  { "nested_header_checks", 0 },
  { "permit_mx_backup_networks", "the like here is `grant to-host PREFIX` in `relay`" },
  { "proxy_interfaces", 0 },
  { "recipient_bcc_maps", 0 },
  { "recipient_canonical_*", 0 },
  { "recipient_delimiter", "a mailbox with extensions is written as LOCAL+*@DOMAIN in `recipients` and `aliases`" },
  { "relay_clientcerts", 0 },
  { "relocated_maps", 0 },
  { "resolve_*", 0 },
  { "sender_*", 0 },
  { "smtp_fallback_relay", 0 },
  { "smtp_sasl_*", "a mechanism may stand behind the login in `logins`" },
  { "smtp_tls_policy_maps", "`tls=` behind a route says what its next hop must have" },
  { "smtpd_*_restrictions", 0 },
  { "smtpd_delay_*", 0 },
  { "smtpd_milters", 0 },
  { "smtpd_proxy_filter", 0 },
  { "smtpd_recipient_overshoot_limit", 0 },
  { "smtpd_reject_unlisted_*", 0 },
  { "smtpd_relay_before_recipient_restrictions", 0 },
  { "smtpd_restriction_classes", 0 },
  { "smtpd_sasl_*", "logins are relay-smtpd's arguments" },
  { "smtpd_sender_login_maps", 0 },
  { "smtpd_enforce_tls", "no TLS in this version" },
  { "smtpd_tls_*", "no TLS in this version" },
  { "smtpd_upstream_proxy_protocol", "RELAYPROXY in `clients` and relay-gate -p" },
  { "swap_bangpath", "a recipient with ! is never accepted here" },
  { "virtual_alias_*", 0 },
  { "virtual_maps", 0 },
  { "virtual_mailbox_*", 0 },
  { "address_verify_*", "`asked` in `domains` is the like" },
};

/* Does name fit a pattern with at most one asterisk? */
static int fits(char const *pattern, struct text name)
{
  char const *star = strchr(pattern, '*');
  if (!star) return text_is(name, pattern);
  size_t head = (size_t)(star - pattern), tail = strlen(star + 1);
  return name.n >= head + tail && !memcmp(name.s, pattern, head) && !memcmp(name.s + name.n - tail, star + 1, tail);
}

/* Whether it decides; *why: what to say besides, or null. */
static int decides(struct text name, char const **why)
{
  for (size_t i = 0; i < sizeof deciding / sizeof *deciding; i++) {
    if (!fits(deciding[i].name, name)) continue;
    *why = deciding[i].why;
    return 1;
  }
  return 0;
}

/* mydomain, myorigin and names of one's own are used where others refer to them. */
static int used(struct postfix const *p, struct text name)
{
  static char const *const words[] = { "mydomain", "myorigin", "compatibility_level", "myhostname" };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (text_is(name, words[i])) return 1;
  return names_find(&p->done, name.s, name.n, 0);
}

static void list_parameters(struct postfix *p, stralloc *rest)
{
  struct parameter const *all = genalloc_s(struct parameter, &p->main.all);
  char const *why;
  for (size_t i = 0; i < genalloc_len(struct parameter, &p->main.all) && !p->x->broken; i++) {
    struct text name = maincf_name(&p->main, all + i), value = maincf_value(&p->main, all + i);
    struct place from = { "main.cf", all[i].line };
    if (all[i].again) {
      import_note(p->x, from, "%.*s is set again in line %u, and that counts", SHOWN(name), (unsigned)all[i].again);
    } else if (used(p, name)) {
      continue;
    } else if (decides(name, &why)) {
      if (value.n) import_left(p->x, from, "%.*s%s%s", SHOWN(name), why ? ": " : "", why ? why : "");
    } else if (!stralloc_catb(rest, " ", 1) || !stralloc_catb(rest, name.s, name.n)) {
      p->x->broken = ENOMEM;
    }
  }
}

/* -o name=value of a service in master.cf, where it decides: for that port alone other rules hold. */
static void option(struct postfix *p, struct text t, struct place from)
{
  struct text name, value;
  char const *why;
  if (t.n > 1 && *t.s == '{') t = text_trim((struct text){ t.s + 1, t.n - 2 });
  if (!text_cut(t, '=', &name, &value)) return;
  name = text_trim(name);
  if (used(p, name) || decides(name, &why) || maincf_find(&p->main, name.s, name.n))
    import_left(p->x, from, "-o %.*s: for this service alone; a listener of its own is another service directory here",
                SHOWN(t));
}

static void list_services(struct postfix *p)
{
  struct source f;
  stralloc line = STRALLOC_ZERO;
  uint32_t number;
  int more = source_open(p->x, &f, p->dir, "master.cf");
  while (more > 0 && !p->x->broken && (more = maincf_logical(&f, &line, &number)) > 0) {
    struct text rest = { line.s, line.len }, word;
    for (unsigned skip = 0; text_argument(&rest, &word); skip++) {
      if (skip < 8 || word.n < 2 || word.s[0] != '-' || word.s[1] != 'o') continue;
      if (word.n > 2) word = (struct text){ word.s + 2, word.n - 2 };
      else if (!text_argument(&rest, &word)) break;
      option(p, word, (struct place){ "master.cf", number });
    }
  }
  if (more < 0) p->x->broken = p->x->broken ? p->x->broken : ENOMEM;
  source_close(&f);
  stralloc_free(&line);
}

void postfix_others(struct postfix *p)
{
  stralloc rest = STRALLOC_ZERO;
  list_parameters(p, &rest);
  for (size_t i = 0; i < rest.len && !p->x->broken; ) { /* not more than fits on a line of the list */
    size_t n = rest.len - i;
    if (n > 1000) for (n = 1000; n && rest.s[i + n] != ' '; n--) ;
    if (!n) n = rest.len - i;
    import_note(p->x, (struct place){ "main.cf", 0 }, "not looked at:%.*s", (int)(n > 1500 ? 1500 : n), rest.s + i);
    i += n;
  }
  stralloc_free(&rest);
  list_services(p);
}
