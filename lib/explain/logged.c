/* Did the log say what these rules say? */
#include <stdio.h>
#include <string.h>
#include "explain/parts.h"

int logged_same(struct explanation const *x, struct logged const *l)
{
  struct outcome const *o = &x->outcome;
  char rule[64] = "";
  char const *verdict = verdict_word(o->decision.verdict);
  if (o->stage != STAGE_GIVEN && o->stage != STAGE_CHANGED) return 0;
  if (o->decision.record.line)
    snprintf(rule, sizeof rule, "%s:%u", o->decision.record.file, (unsigned)o->decision.record.line);
  /* unqueued: the rules let it in, and the injector did not take it */
  if (!strcmp(l->verdict, "unqueued") ? o->decision.verdict != VERDICT_ACCEPT : strcmp(l->verdict,
    verdict) != 0) return 0;
  return !strcmp(l->reason, reason_word(o->decision.reason)) && !strcmp(l->rule, rule);
}
