/* qmail-remote's report. */
#include <string.h>
#include "smtp/client_report.h"

void client_report_clear(struct client_report *r)
{
  r->sa.len = 0;
  r->lines = 0;
  r->failed = 0;
  r->dsn = 0;
}

void client_report_free(struct client_report *r)
{
  stralloc_free(&r->sa);
  client_report_clear(r);
}

static void put(struct client_report *r, char const *s)
{
  size_t n = s ? strlen(s) : 0;
  if (!n || r->failed) return;
  if (!stralloc_readyplus(&r->sa, n)) {
    r->failed = 1;
    return;
  }
  for (; n--; s++) r->sa.s[r->sa.len++] = *s >= ' ' && *s <= '~' ? *s : '?';
}

void client_report_add(struct client_report *r, char kind, char const *a, char const *b, char const *c)
{
  if (!stralloc_append(&r->sa, kind)) r->failed = 1;
  put(r, a);
  put(r, b);
  put(r, c);
  if (!stralloc_0(&r->sa)) r->failed = 1;
  if (kind == 'r' || kind == 'h' || kind == 's') r->lines++;
}
