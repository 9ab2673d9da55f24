/* Any bytes as a job, a report, an envelope. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/limits.h"
#include "queue/envelope.h"
#include "queue/job.h"
#include "queue/store.h"
#include "send/report.h"

static void must(int condition)
{
  if (!condition) abort();
}

static void job(char const *s, size_t len)
{
  struct job j;
  if (!job_scan(&j, s, len)) return;
  must(store_id_valid(j.id, strlen(j.id)) && j.n);
  char const *p = j.recipients;
  for (unsigned i = 0; i < j.n; i++) p += strlen(p) + 1;
  if (j.dsn_each) {
    must(!*p++ && p == j.dsn);
    p += strlen(p) + 1;
    must(p == j.dsn_each);
  }
  else must(!*j.dsn);
  for (unsigned i = 0; j.dsn_each && i < j.n; i++, p += strlen(p) + 1) must(!strpbrk(p, "\r\n"));
  must(p == s + len && !strpbrk(j.dsn, "\r\n"));
}

static void report(char const *s, size_t len)
{
  struct report r;
  for (unsigned n = 1; n < 5; n++) {
    enum report_state state = report_scan(&r, s, len, n);
    size_t pos = 0;
    char const *text;
    if (state == REPORT_EACH)
      for (unsigned i = 0; i < n; i++) {
        enum outcome o = report_next(&r, &pos, &text);
        must(o <= OUTCOME_FAILED && text >= s && text < s + len);
      }
    if (state == REPORT_WHOLE) must(report_whole(&r) != OUTCOME_DELIVERED);
  }
}

/* In one piece and byte by byte: the same. */
static void envelope(char const *s, size_t len)
{
  struct envelope a = ENVELOPE_ZERO, b = ENVELOPE_ZERO;
  size_t used = envelope_feed(&a, s, len), n = 0;
  for (size_t i = 0; i < len && b.state < ENVELOPE_END; i++) n += envelope_feed(&b, s + i, 1);
  must(a.state == b.state && used <= len);
  if (a.state == ENVELOPE_END) must(used == n && used < len && !s[used]);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  char *s = malloc(len ? len : 1); /* exactly as long, so that a byte read behind it is seen */
  must(s != 0);
  memcpy(s, data, len);
  job(s, len);
  report(s, len);
  envelope(s, len);
  free(s);
  return 0;
}
