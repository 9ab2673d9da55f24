/* The message that shows whether a test's form really relays. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "probe/run.h"

/* RFC 5322 3.3; no locale is ever set. */
static int date(stralloc *out, int64_t now)
{
  char s[64];
  time_t t = (time_t)now;
  struct tm tm;
  return gmtime_r(&t, &tm) && strftime(s, sizeof s, "Date: %a, %d %b %Y %H:%M:%S +0000\r\n", &tm)
    && stralloc_cats(out, s);
}

int probe_message(stralloc *out, struct probe const *p, unsigned i, int64_t now)
{
  struct probe_plan const *plan = &p->plan;
  struct probe_test const *t = &plan->test[i];
  char head[512], body[1024];
  char const *at = t->name < PROBE_NAMES ? plan->names.name[t->name] : "";
  snprintf(head, sizeof head, "Subject: relay test %u: %s%s%s\r\nMessage-ID: <%s.%u@relay-probe.invalid>\r\n"
    "Auto-Submitted: auto-generated\r\n\r\n", i + 1, t->form->name, *at ? ", " : "", at, plan->unlikely, i + 1);
  snprintf(body, sizeof body, "The mail server %s, port %u, passed this message on. It was sent to see\r\n"
    "whether it does so for strangers. If whoever sent it was a stranger to that\r\n"
    "server, it is an open relay.\r\n\r\n"
    "Test %u: %s%s%s\r\nRun: %s\r\n", p->client.name, (unsigned)p->port, i + 1, t->form->name, *at ? ", " : "", at,
    plan->unlikely);
  return stralloc_cats(out, "From: ") && stralloc_cats(out, plan->sender)
    && stralloc_cats(out, "\r\nTo: ") && stralloc_cats(out, plan->user) && stralloc_cats(out, "@")
    && stralloc_cats(out, plan->domain) && stralloc_cats(out, "\r\n")
    && date(out, now) && stralloc_cats(out, head) && stralloc_cats(out, body);
}
