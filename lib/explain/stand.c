/* How lines of me, domains, recipients, aliases and relay stand to the facts. */
#include <string.h>
#include "explain/stand.h"
#include "policy/match.h"
#include "policy/route.h"

/* Why a line of a later step is not asked, by the step that decided. */
static char const *const not_asked[] = {
  [STEP_GATE] = "", [STEP_SYNTAX] = "",
  [STEP_SUBMISSION] = "not asked: the listener wants a login first",
  [STEP_BOUND] = "not asked: the login may not use this sender",
  [STEP_ONWARD] = "not asked: the local part is refused before",
  [STEP_DENIED] = "not asked: a denial comes first",
  [STEP_HOSTED] = "not asked: the recipient's domain is hosted, so this is no relaying",
  [STEP_REQUIRED] = "not asked: a requirement fails before",
  [STEP_GRANTS] = "not asked: another grant holds, and the DNS is asked last",
  [STEP_TO_HOST] = "", [STEP_END] = "",
};

static int stands(struct stand *out, enum standing standing, char const *why)
{
  *out = (struct stand){ standing, why, 0, 0 };
  return 1;
}

/* The same with the line that decided behind it. */
static int behind(struct survey const *s, struct stand *out, enum standing standing, char const *why)
{
  struct record const *r = &s->x->outcome.decision.record;
  *out = (struct stand){ standing, why, r->file, r->line };
  return 1;
}

static int decided(struct survey const *s, struct record const *r)
{
  struct record const *d = &s->x->outcome.decision.record;
  return s->step > STEP_SYNTAX && d->line == r->line && d->data == r->data && d->file && !strcmp(d->file, r->file);
}

int stand_me(struct survey *s, struct record const *r, struct stand *out)
{
  return decided(s, r) && stands(out, STANDING_DECIDES, "postmaster of this host");
}

/* Is it the line that hosts this address? */
static int hosts(struct survey const *s, struct target const *x, struct record const *r)
{
  struct record first;
  return match_hosted(s->t, x->a->domain, &first) == 1 && first.data == r->data;
}

static char const *domain_decides(struct survey const *s)
{
  switch (s->x->outcome.decision.reason) {
    case REASON_HOSTED: return "hosts the recipient's domain; all recipients are accepted";
    case REASON_CONFIRMED: return "hosts the recipient's domain; the next hop takes the recipient";
    case REASON_ASK:
    case REASON_MAILBOX_UNKNOWN: return "hosts the recipient's domain; the next hop must be asked about the recipient";
    case REASON_NO_MAILBOX: break;
    default: return "hosts the recipient's domain";
  }
  if (s->q->facts.mailbox == ANSWER_NO) return "hosts the recipient's domain; the next hop does not take the recipient";
  return "hosts the recipient's domain; only listed recipients are accepted";
}

int stand_domain(struct survey *s, struct piece key, struct record const *r, struct stand *out)
{
  if (fits_domain(key, &s->recipient)) {
    if (decided(s, r)) return stands(out, STANDING_DECIDES, domain_decides(s));
    if (s->step < STEP_HOSTED) return stands(out, STANDING_LOST, not_asked[s->step]);
    if (!hosts(s, &s->recipient, r)) return stands(out, STANDING_LOST, "a narrower line of domains is asked first");
    return stands(out, STANDING_HOLDS, "hosts the recipient's domain; a line about the mailbox decides");
  }
  if (s->step < STEP_REQUIRED || !fits_domain(key, &s->sender) || !hosts(s, &s->sender, r)) return 0;
  return stands(out, STANDING_HOLDS, "hosts the sender's domain");
}

int stand_mailbox(struct survey *s, struct piece key, struct record const *r, struct stand *out)
{
  if (!fits_mailbox(key, &s->recipient)) return 0;
  if (decided(s, r)) {
    int alias = s->x->outcome.decision.reason == REASON_ALIAS;
    return stands(out, STANDING_DECIDES,
      alias ? "the recipient stands for these addresses" : "the recipient is listed");
  }
  if (s->step != STEP_HOSTED) return stands(out, STANDING_LOST, not_asked[s->step]);
  return behind(s, out, STANDING_LOST, "%s:%u stands nearer");
}

/* Null: the device's line holds; else why not. The client fits. */
static char const *device_fails(struct survey const *s, struct piece const parts[3])
{
  struct record r;
  int from = piece_is(parts[1], "any") || fits_from(parts[1], &s->sender);
  if (piece_is(parts[1], "hosted")) {
    if (!s->sender.a) return "the null sender is of no hosted domain";
    if (match_hosted(s->t, s->sender.a->domain, &r) != 1) return "the sender's domain is not hosted";
    from = 1;
  }
  if (!from) return "the client fits, but the sender is another";
  if (piece_is(parts[2], "hosted")) return "hosted recipients need no grant, and this one is not hosted";
  if (!piece_is(parts[2], "any") && !fits_to(parts[2],
    &s->recipient)) return "client and sender fit, but the recipient is another";
  return 0;
}

/* Null: the grant for these senders holds. */
static char const *sender_fails(struct survey const *s, struct piece arg)
{
  if (piece_is(arg, "hosted")) {
    if (!s->sender.a) return "the null sender is of no hosted domain";
    return match_as_hosted(s->t, s->sender.a) == 1 ? 0 : "the sender's domain is neither hosted nor named by `local`";
  }
  if (!piece_is(arg, "user")) return 0;
  if (!s->sender.a) return "the null sender is no user";
  return match_as_user(s->t, s->sender.a) == 1 ? 0 : "the sender is no listed recipient, or an alias";
}

static int any_host(struct survey const *s, struct piece bits)
{
  for (size_t i = 0; s->q->facts.mx == ANSWER_YES && i < s->q->facts.hosts_n; i++)
    if (fits_ip(bits, s->q->facts.hosts + i)) return 1;
  return 0;
}

/* Does a route send the recipient's mail to a relay, whatever the DNS says? */
static int is_routed(struct survey const *s, struct stand *out)
{
  static char const why[] = "mail for the recipient's domain goes to the relay of %s:%u, not to its mail exchangers";
  struct record r;
  char const *domain = s->recipient.a ? s->recipient.a->domain : "";
  if (!*domain || *domain == '[' || route_by_mx(s->t, domain) || route_record(s->t, domain, &r) <= 0) return 0;
  *out = (struct stand){ STANDING_FAILS, why, r.file, r.line };
  return 1;
}

/* Does a grant hold? 1; 0 with why not; -1: it has nothing to do with the facts. */
static int grant_holds(struct survey const *s, enum says says, struct piece arg, struct stand *out)
{
  struct facts const *f = &s->q->facts;
  struct record const *gate = &s->x->outcome.gate;
  struct piece parts[3];
  *out = (struct stand){ STANDING_FAILS, 0, 0, 0 };
  switch (says) {
    case SAYS_LOGIN:
      if (!f->login) out->why = "nobody is logged in";
      else if (!f->login_may_relay) out->why = "the login lacks the privilege to relay";
      break;
    case SAYS_CLIENTS:
      if (f->trusted) break;
      out->why = "the client is not trusted: no line of `clients` is about it";
      if (gate->line) *out = (struct stand){ STANDING_FAILS, "the client is not trusted: %s:%u sets no RELAYCLIENT",
        gate->file, gate->line };
      break;
    case SAYS_POP: stand_pop(s, out); break;
    case SAYS_TO:
      if (!fits_to(arg, &s->recipient)) return -1;
      break;
    case SAYS_SENDER:
      if (!piece_is(arg, "hosted") && !piece_is(arg, "user") && !fits_from(arg, &s->sender)) return -1;
      out->why = sender_fails(s, arg);
      break;
    case SAYS_DEVICE:
      if (!device_parts(arg, parts) || !fits_ip(parts[0], &f->client)) return -1;
      out->why = device_fails(s, parts);
      break;
    case SAYS_TO_HOST:
      if (is_routed(s, out)) break;
      if (!any_host(s, arg)) return -1;
      if (s->step == STEP_END) out->why = "a mail exchanger is in it, but another one is in no granted prefix";
      break;
    default: break;
  }
  return !out->why;
}

static int stand_grant(struct survey *s, enum says says, struct piece arg, struct record const *r, struct stand *out)
{
  enum step step = says == SAYS_TO_HOST ? STEP_TO_HOST : STEP_GRANTS;
  int holds = grant_holds(s, says, arg, out);
  if (holds < 0) return 0;
  if (decided(s, r)) return stands(out, STANDING_DECIDES, "grants it");
  if (!holds) return s->step >= step; /* nobody asked it */
  if (s->step < step) return stands(out, STANDING_LOST, not_asked[s->step]);
  if (s->step == step && r->line >= s->x->outcome.decision.record.line)
    return behind(s, out, STANDING_LOST, "holds, too, but %s:%u stands before");
  return stands(out, STANDING_LOST, "holds, too");
}

static int stand_required(struct survey *s, enum says says, struct record const *r, struct stand *out)
{
  struct facts const *f = &s->q->facts;
  struct record hosted;
  static struct { char const *holds, *fails; } const words[] = {
    { "held: somebody is logged in", "nobody is logged in" }, { "held: the session is under TLS",
      "the session is not under TLS" },
    { "held: the sender's domain is hosted", "the sender's domain is not hosted" },
  };
  unsigned i = says - SAYS_REQUIRE_LOGIN;
  int held = says == SAYS_REQUIRE_LOGIN ? f->login != 0 : says == SAYS_REQUIRE_TLS ? f->tls :
    s->sender.a && match_hosted(s->t, s->sender.a->domain, &hosted) == 1;
  if (decided(s, r)) return stands(out, STANDING_DECIDES, words[i].fails);
  if (s->step < STEP_REQUIRED) return !held && stands(out, STANDING_LOST, not_asked[s->step]);
  if (held) return stands(out, STANDING_HOLDS, words[i].holds);
  return behind(s, out, STANDING_LOST, "fails, too, but %s:%u stands before");
}

int stand_relay(struct survey *s, struct piece key, struct record const *r, enum other *other, struct stand *out)
{
  static enum other const others[] = {
    [SAYS_TO] = OTHER_TO, [SAYS_SENDER] = OTHER_SENDER, [SAYS_TO_HOST] = OTHER_TO_HOST, [SAYS_DEVICE] = OTHER_DEVICE,
    [SAYS_DENY] = OTHER_DENY, [SAYS_LOCAL] = OTHER_LOCAL,
  };
  struct piece arg;
  enum says says = statement(key, &arg);
  *other = says == SAYS_TO || (says > SAYS_TO && says <= SAYS_LOCAL) ? others[says] : OTHER_COUNT;
  if (says == SAYS_NOTHING || s->step <= STEP_SYNTAX) return 0;
  if (says >= SAYS_REQUIRE_LOGIN) return stand_required(s, says, r, out);
  if (says == SAYS_LOCAL)
    return s->step >= STEP_REQUIRED && fits_to(arg, &s->sender) &&
      stands(out, STANDING_HOLDS, "lets the sender count as hosted where senders are granted");
  if (says != SAYS_DENY) return stand_grant(s, says, arg, r, out);
  if (!fits_to(arg, &s->recipient)) return 0;
  if (decided(s, r)) return stands(out, STANDING_DECIDES, "refuses the recipient, whoever asks");
  if (s->step < STEP_DENIED) return stands(out, STANDING_LOST, not_asked[s->step]);
  return behind(s, out, STANDING_LOST, "refuses it, too, but %s:%u stands before");
}
