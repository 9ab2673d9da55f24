/* What a server's answer to a test means. */
#include <string.h>
#include "probe/judge.h"
#include "probe/meaning.h"

#define OTHER_SENDER "refuses the sender: -f names another"
#define VERDICT(judgement, text) ((struct probe_verdict){ .what = (judgement), .why = (text) })

/* Is what we said last part of the form? Then a refusal of that is one of the form. */
static int about_mail(struct probe_form const *f)
{
  return strcmp(f->mail, "<$f>") != 0;
}

static int is_odd(struct probe_form const *f, enum probe_stage stage)
{
  switch (stage) {
    case PROBE_HELLO: return 1;
    case PROBE_MAIL: return about_mail(f);
    case PROBE_RCPT: return strcmp(f->rcpt, "<$u@$t>") != 0;
    default: return 0;
  }
}

static enum probe_meaning meaning_of(struct probe_answer const *a)
{
  return probe_meaning(a->code, a->enhanced, a->text, a->ours);
}

static struct probe_verdict accepted(struct probe_form const *f, enum probe_stage stage, enum probe_control control)
{
  if (f->home == PROBE_OUTSIDE) return VERDICT(PROBE_ACCEPTED, stage == PROBE_DOT ? "took the message" : "");
  switch (control) {
    case PROBE_STRICT: return VERDICT(PROBE_ACCEPTED, "a mailbox that does not exist is refused there");
    case PROBE_TAKES_ALL: return VERDICT(PROBE_UNCLEAR, stage == PROBE_DOT ?
      "may lie in a local mailbox: see whether it arrives" : "may be a local mailbox: -d makes sure");
    default: return VERDICT(PROBE_UNCLEAR, "not known what it does with mailboxes that don't exist");
  }
}

/* A refusal that says of nothing what it is about. */
static struct probe_verdict refused_so(struct probe_form const *f, enum probe_stage stage, int syntax)
{
  if (stage >= PROBE_DATA) return VERDICT(PROBE_UNCLEAR, "refuses the text");
  if (stage == PROBE_MAIL && !about_mail(f)) return VERDICT(PROBE_UNCLEAR, OTHER_SENDER);
  /* whether another client would have been told the same of a recipient outside, who knows */
  if (stage == PROBE_RCPT && f->home == PROBE_OUTSIDE && !(syntax && is_odd(f, stage)))
    return VERDICT(PROBE_UNCLEAR, "does not say that it is about relaying");
  return VERDICT(PROBE_REFUSED, "");
}

static struct probe_verdict refused_domain(struct probe_form const *f, enum probe_stage stage,
  enum probe_control control, int known_target)
{
  if (stage == PROBE_HELLO || (stage == PROBE_MAIL && about_mail(f))) return VERDICT(PROBE_REFUSED, "");
  /* Exim says so of its own users, too: then the target's domain, which exists, has nothing to do with it */
  if (f->home != PROBE_OUTSIDE && control == PROBE_STRICT && known_target) return VERDICT(PROBE_REFUSED, "");
  return VERDICT(PROBE_UNCLEAR, stage == PROBE_MAIL ? "refuses the sender's domain: -f names another" :
    "refuses the target's domain: -t names another");
}

static struct probe_verdict refused(struct probe_form const *f, struct probe_answer const *a,
  enum probe_control control, int known_target)
{
  enum probe_meaning m = meaning_of(a);
  switch (m) {
    case MEANS_RELAY: break;
    case MEANS_TLS: return VERDICT(PROBE_UNCLEAR, "wants TLS first");
    case MEANS_CLIENT: return VERDICT(PROBE_UNCLEAR, "refuses this client");
    case MEANS_HELLO:
      if (f->hello) break;
      return VERDICT(PROBE_UNCLEAR, "refuses the name that we greet by: -n names another");
    case MEANS_SENDER:
      if (about_mail(f)) break;
      return VERDICT(PROBE_UNCLEAR, OTHER_SENDER);
    case MEANS_DOMAIN: return refused_domain(f, a->stage, control, known_target);
    case MEANS_NOBODY:
      if (f->home != PROBE_OUTSIDE || known_target || a->stage != PROBE_RCPT) break;
      return VERDICT(PROBE_UNCLEAR, "may have asked the target's server: -t names an address that exists");
    case MEANS_SYNTAX:
    case MEANS_NO: return refused_so(f, a->stage, m == MEANS_SYNTAX);
  }
  return VERDICT(PROBE_REFUSED, "");
}

struct probe_verdict probe_judge(struct probe_form const *f, struct probe_answer const *a, enum probe_control control,
  int known_target)
{
  if (f->control) {
    if (control == PROBE_STRICT) return VERDICT(PROBE_REFUSED, "");
    return VERDICT(PROBE_UNCLEAR, control == PROBE_TAKES_ALL ? "takes mailboxes that don't exist" : "");
  }
  if (a->stage == PROBE_NEVER) return VERDICT(PROBE_UNCLEAR, "no connection");
  if (!a->code) return VERDICT(PROBE_UNCLEAR, "no answer");
  if (a->code >= 500) return refused(f, a, control, known_target);
  if (a->code >= 400) return VERDICT(PROBE_UNCLEAR, "refuses for now");
  if (a->code / 100 == 2 && (a->stage == PROBE_RCPT || a->stage == PROBE_DOT)) return accepted(f, a->stage, control);
  return VERDICT(PROBE_UNCLEAR, "no answer that fits");
}

int probe_hung_up(struct probe_answer const *a)
{
  return a->code == 421 || (a->code >= 400 && probe_says(a->text, a->ours, " too many"));
}

enum probe_control probe_control_of(struct probe_answer const *a)
{
  if (a->stage != PROBE_RCPT) return PROBE_NOT_KNOWN;
  if (a->code / 100 == 2) return PROBE_TAKES_ALL;
  if (a->code < 500) return PROBE_NOT_KNOWN;
  switch (meaning_of(a)) {
    case MEANS_TLS: case MEANS_HELLO: case MEANS_CLIENT: case MEANS_SENDER: return PROBE_NOT_KNOWN;
    default: return PROBE_STRICT;
  }
}

enum probe_judgement probe_sum(unsigned const counts[4])
{
  if (counts[PROBE_ACCEPTED]) return PROBE_ACCEPTED;
  return counts[PROBE_UNCLEAR] || !counts[PROBE_REFUSED] ? PROBE_UNCLEAR : PROBE_REFUSED;
}
