/* Where mail exchangers may be: within prefixes that the old table grants, the new one, both. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "classes/classes.h"
#include "diff/model.h"
#include "policy/gate.h"
#include "policy/match.h"

static char const verb[] = "grant to-host ";
#define VERB (sizeof verb - 1)

static int add(genalloc *cuts, struct ip const *ip)
{
  return genalloc_append(struct ip, cuts, ip) ? 0 : (errno = ENOMEM, -1);
}

/* All places where a prefix begins, or has ended. */
static int collect(genalloc *cuts, struct table_set const *t)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record r;
  struct ip ip;
  unsigned bits;
  int more;
  while ((more = table_next(t, &pos, &which, &key, &n, &r)) > 0) {
    if (which != TABLE_RELAY || n <= VERB || memcmp(key, verb, VERB)) continue;
    if (!gate_cidr_scan(&ip, &bits, key + VERB, n - VERB)) continue;
    if (add(cuts, &ip) < 0) return -1;
    range_last(&ip, bits);
    if (range_next(&ip) && add(cuts, &ip) < 0) return -1;
  }
  return more < 0 ? (errno = EPROTO, -1) : 0;
}

int hosts_make(struct diff *d)
{
  genalloc cuts = GENALLOC_ZERO;
  struct record r;
  int failed = 0;
  for (unsigned t = 0; t < 2 && !failed; t++) failed = collect(&cuts, d->t[t]);
  for (size_t i = 0; i < genalloc_len(struct ip, &cuts) && !failed; i++) {
    struct ip const *ip = genalloc_s(struct ip, &cuts) + i;
    int old = match_to_host(d->t[0], ip, &r), new = match_to_host(d->t[1], ip, &r);
    if (old < 0 || new < 0) failed = -1, errno = EPROTO;
    else if (old + new) d->model->hosts[old + 2 * new] = *ip;
  }
  d->model->to_host = genalloc_len(struct ip, &cuts) > 0;
  int e = errno;
  genalloc_free(struct ip, &cuts);
  return errno = e, failed;
}
