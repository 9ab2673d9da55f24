/* Why something is open, and on what the rest stands. */
#include <stdio.h>
#include <string.h>
#include "prove/report.h"

#define TEXT 400

char const *report_kind(enum opening_kind kind)
{
  static char const *const kinds[] = {
    [OPENING_ANYONE] = "anyone", [OPENING_SENDER] = "sender", [OPENING_CLIENTS] = "clients", [OPENING_NAMES] = "names",
    [OPENING_PROXIES] = "proxies", [OPENING_DEVICES] = "devices", [OPENING_TO_HOST] = "to-host",
    [OPENING_HOSTED] = "hosted", [OPENING_GRANTED] = "granted", [OPENING_OTHER] = "other",
  };
  return kinds[kind];
}

/* `this line and others let so many relay`, or `this line ... for everybody`. */
static int put_sum(stralloc *out, struct opening const *o, char const *which, char const *what)
{
  char text[TEXT];
  if (o->way.host[0]) snprintf(text, sizeof text, "this line sets %s by names that anybody can have", which);
  else if (o->everybody) snprintf(text, sizeof text, "this line sets %s for everybody", which);
  else snprintf(text, sizeof text, "this line%s%s%s and others %s %s of the public %s addresses or more, and nobody "
                "owns as many: strangers are among them", *which ? ", which sets " : "", which, *which ? "," : "", what,
                o->family == 4 ? "a sixteenth" : "a /13's worth", o->family == 4 ? "IPv4" : "IPv6");
  return stralloc_cats(out, text);
}

static int put_clients(stralloc *out, struct opening const *o, char const *which, char const *whom)
{
  char text[TEXT];
  if (!put_sum(out, o, which, "let relay")) return 0;
  if (!o->grant.line) return stralloc_cats(out, ", and who names a device relays");
  snprintf(text, sizeof text, ", and `grant clients` (relay:%u) lets %s relay", (unsigned)o->grant.line, whom);
  return stralloc_cats(out, text);
}

int report_why(stralloc *out, struct opening const *o)
{
  if (!stralloc_cats(out, "an open relay: ")) return 0;
  switch (o->kind) {
    case OPENING_ANYONE: return stralloc_cats(out, "every stranger may send anywhere");
    case OPENING_SENDER: return stralloc_cats(out, "whoever gives such an address as his sender relays");
    case OPENING_CLIENTS: case OPENING_NAMES: return put_clients(out, o, "RELAYCLIENT", "them");
    case OPENING_PROXIES: return put_clients(out, o, "RELAYPROXY", "whom they name");
    case OPENING_DEVICES: return put_sum(out, o, "", "let relay");
    case OPENING_TO_HOST: return put_sum(out, o, "", "grant relaying to");
    case OPENING_HOSTED: return stralloc_cats(out, "all names below a public top-level domain are hosted");
    case OPENING_GRANTED: return stralloc_cats(out, "all names below a public top-level domain are granted");
    case OPENING_OTHER: break;
  }
  return stralloc_cats(out, "a stranger relays");
}

static int line_of(report_line_fn *line, void *arg, char const *format, unsigned n, size_t more)
{
  char text[TEXT];
  snprintf(text, sizeof text, format, n, more);
  return line(arg, text);
}

int report_assumptions(struct proof const *p, report_line_fn *line, void *arg)
{
  char text[TEXT], v6[WIDE_TEXT];
  struct amount const *t = &p->trusted, *x = &p->proxies, *d = &p->devices;
  struct wide none = { 0, 0 };
  int ok = line(arg, "relay-gate runs before relay-smtpd with these rules and without -k; a listener that sets "
                "RELAYCLIENT itself is as open as its address");
  if (ok && !p->strangers) ok = line(arg, "nobody may connect but those who are trusted");
#define SAY_AMOUNT(a, what) \
  if (ok && ((a)->v4 || wide_cmp((a)->v6, none))) { \
    wide_fmt(v6, (a)->v6); \
    snprintf(text, sizeof text, "no stranger comes from the %llu IPv4 and %s global IPv6 addresses " what, \
             (unsigned long long)(a)->v4, v6); \
    ok = line(arg, text); \
  }
  SAY_AMOUNT(t, "that `clients` trusts")
  SAY_AMOUNT(d, "that have `grant device` lines")
  SAY_AMOUNT(x, "of proxies (RELAYPROXY), and those say truly who their clients are")
#undef SAY_AMOUNT
  if (ok && p->names.n)
    ok = line_of(line, arg, "clients:%u trusts by name (such lines: %zu): the super-server checks names (tcpserver -p)",
                 p->names.first, p->names.n);
  if (ok && p->users.n)
    ok = line_of(line, arg, "clients:%u trusts a user (such lines: %zu): its host says truly who that is",
                 p->users.first, p->users.n);
  if (ok && p->logins) ok = line(arg, "who logs in is no stranger");
  if (ok && p->stamps) {
    snprintf(text, sizeof text, "who holds a POP stamp is no stranger, nor who comes from its %s within %u seconds%s",
             p->pop.network ? "IPv4 address or IPv6 network of 64 bits" : "address", (unsigned)p->pop.seconds,
             p->pop.bound ? " as a sender of its user" : "");
    ok = line(arg, text);
  }
  if (ok && p->to_host) ok = line(arg, "the DNS says the same to relay-ask and to relay-remote, for `grant to-host`");
  if (ok && p->hosted) ok = line(arg, "the next hops of hosted domains relay nothing that is addressed to these");
  if (ok && p->suffixes) ok = line(arg, "nobody else has names below the suffixes that are hosted or granted: judged "
                                   "are top-level domains and some of the best-known second-level ones alone");
  if (ok && p->owned) ok = line(arg, "top-level domains that `own` names are ours");
  if (ok && p->aliases) ok = line(arg, "where aliases lead their mail is wanted");
  return ok;
}
