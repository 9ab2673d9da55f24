/* Did the log say what these rules say? */
#include <stdio.h>
#include <string.h>
#include "explain/parts.h"

int logged_same(struct explanation const *x, struct logged const *l)
{
  struct outcome const *o = &x->outcome;
  struct decision const *d = o->stage == STAGE_NOWHERE ? &o->given : &o->decision; /* whose reason relay-smtpd logs */
  char rule[64] = "";
  if (o->stage < STAGE_GIVEN) return 0;
  if (d->record.line) snprintf(rule, sizeof rule, "%s:%u", d->record.file, (unsigned)d->record.line);
  if (strcmp(l->reason, reason_word(d->reason)) || strcmp(l->rule, rule)) return 0;
  if (!strcmp(l->verdict, "unqueued")) return o->decision.verdict == VERDICT_ACCEPT; /* the injector did not take it */
  return !strcmp(l->verdict, verdict_word(o->decision.verdict));
}
