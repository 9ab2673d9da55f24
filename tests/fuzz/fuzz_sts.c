/* MTA-STS: whatever a TXT record, a policy or a kept file says, only canonical patterns come out, and what is kept
 * reads as it was written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "parse/domain.h"
#include "sts/cache.h"

static void look(struct sts_policy const *p)
{
  char canonical[DOMAIN_TEXT];
  char const *s = p->mx.s;
  if (p->max_age > STS_MAX_AGE || (!p->n && p->mode != STS_NONE)) abort();
  for (unsigned i = 0; i < p->n; i++, s += strlen(s) + 1) {
    char const *name = *s == '*' ? s + 2 : s;
    if (!domain_canon(canonical, name, strlen(name)) || strcmp(canonical, name)) abort();
    if (*s != '*' && !sts_policy_match(p, s)) abort();
  }
  if ((size_t)(s - p->mx.s) != p->mx.len) abort();
}

static void again(struct sts_entry const *e)
{
  static struct sts_entry r = STS_ENTRY_ZERO;
  static stralloc text = STRALLOC_ZERO;
  text.len = 0;
  if (!sts_entry_fmt(&text, e) || !sts_entry_scan(&r, text.s, text.len)) abort();
  if (strcmp(r.id, e->id) || r.fetched != e->fetched || r.ends != e->ends || r.policy.mode != e->policy.mode) abort();
  if (r.policy.n != e->policy.n || r.policy.mx.len != e->policy.mx.len) abort();
  if (r.policy.mx.len && memcmp(r.policy.mx.s, e->policy.mx.s, r.policy.mx.len)) abort();
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static struct sts_entry e = STS_ENTRY_ZERO;
  char id[STS_ID];
  if (sts_txt_scan(id, (char const *)data, size) > 0 && !sts_id_ok(id, strlen(id))) abort();
  if (!sts_policy_scan(&e.policy, (char const *)data, size)) {
    look(&e.policy);
    strcpy(e.id, "1");
    e.fetched = 1000;
    e.ends = e.fetched + e.policy.max_age;
    again(&e);
  }
  if (sts_entry_scan(&e, (char const *)data, size)) {
    look(&e.policy);
    again(&e);
  }
  return 0;
}
