/* Why there is no connection. */
#include <stdio.h>
#include "remote/failure.h"

void failure_note(struct failure *f, char kind, char const *a, char const *b, char const *c)
{
  if (f->kind == 'Z' && kind == 'D') return;
  f->kind = kind;
  snprintf(f->text, sizeof f->text, "%s%s%s", a ? a : "", b ? b : "", c ? c : "");
}
