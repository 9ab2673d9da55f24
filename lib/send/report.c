/* Reading relay-remote's report: n lines of r, h or s, or none; then one of K, Z or D; perhaps n, one of t. */
#include <string.h>
#include "send/report.h"

enum report_state report_scan(struct report *r, char const *s, size_t len, unsigned n)
{
  unsigned lines = 0;
  size_t pos = 0;
  if (!len || s[len - 1]) return REPORT_BAD;
  while (pos < len && strchr("rhs", s[pos]) && s[pos]) {
    pos += strlen(s + pos) + 1;
    lines++;
  }
  if (pos >= len || !s[pos] || !strchr("KZD", s[pos])) return REPORT_BAD;
  r->s = s;
  r->verdict = s[pos];
  r->text = s + pos + 1;
  r->tls = "";
  r->unmet = 0;
  pos += strlen(s + pos) + 1;
  r->dsn = len - pos > 1 && s[pos] == 'n' && !s[pos + 1];
  if (r->dsn) pos += 2;
  if (pos < len && s[pos] == 't') {
    r->tls = s + pos + 1;
    r->unmet = !*r->tls;
    pos += strlen(s + pos) + 1;
  }
  if (pos != len) return REPORT_BAD;
  if (!lines) return r->verdict == 'K' ? REPORT_BAD : REPORT_WHOLE;
  return lines == n ? REPORT_EACH : REPORT_BAD;
}

enum outcome report_whole(struct report const *r)
{
  return r->verdict == 'K' ? OUTCOME_DELIVERED : r->verdict == 'D' ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

enum outcome report_next(struct report const *r, size_t *pos, char const **text)
{
  char const *line = r->s + *pos;
  *pos += strlen(line) + 1;
  *text = *line == 'r' && *r->text ? r->text : line + 1;
  return *line == 'h' ? OUTCOME_FAILED : *line == 's' ? OUTCOME_DEFERRED : report_whole(r);
}
