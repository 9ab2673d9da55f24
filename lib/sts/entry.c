/* The text of a kept policy:
 *
 *   mta-sts 1
 *   id 20260101T000000
 *   fetched 1767225600
 *   ends 1767830400
 *   mode enforce
 *   mx mail.example.com
 *   mx *.example.net
 *   end
 *
 * The last line shows that it is whole. */
#include <string.h>
#include "parse/number.h"
#include "sts/cache.h"

#define TIME_MOST 253402300799U /* of a kept time: the last second of the year 9999 */

/* Takes the line "WORD VALUE" off s. Returns 1 with its value, or 0. */
static int line(char const **s, size_t *n, char const *word, char const **value, size_t *len)
{
  char const *lf = memchr(*s, '\n', *n);
  size_t k = strlen(word);
  if (!lf || (size_t)(lf - *s) < k + 1 || memcmp(*s, word, k) || (*s)[k] != ' ') return 0;
  *value = *s + k + 1;
  *len = (size_t)(lf - *value);
  *n -= (size_t)(lf + 1 - *s);
  *s = lf + 1;
  return 1;
}

static int time_line(char const **s, size_t *n, char const *word, int64_t *t)
{
  char const *value;
  size_t len;
  uint64_t u;
  if (!line(s, n, word, &value, &len) || number_scan(value, len, TIME_MOST, &u) != NUMBER_OK) return 0;
  *t = (int64_t)u;
  return 1;
}

int sts_entry_scan(struct sts_entry *e, char const *s, size_t n)
{
  char const *value;
  size_t len;
  e->policy.n = 0;
  e->policy.mx.len = 0;
  if (!line(&s, &n, "mta-sts", &value, &len) || len != 1 || *value != '1') return 0;
  if (!line(&s, &n, "id", &value, &len) || !sts_id_ok(value, len)) return 0;
  memcpy(e->id, value, len);
  e->id[len] = 0;
  if (!time_line(&s, &n, "fetched", &e->fetched) || !time_line(&s, &n, "ends", &e->ends)) return 0;
  if (e->ends < e->fetched || e->ends - e->fetched > STS_MAX_AGE) return 0;
  e->policy.max_age = (uint32_t)(e->ends - e->fetched);
  if (!line(&s, &n, "mode", &value, &len) || !sts_mode_scan(&e->policy.mode, value, len)) return 0;
  while (line(&s, &n, "mx", &value, &len)) if (sts_policy_add(&e->policy, value, len) < 1) return 0;
  return n == 4 && !memcmp(s, "end\n", 4) && (e->policy.n || e->policy.mode == STS_NONE);
}

static int put_time(stralloc *out, char const *word, int64_t t)
{
  char text[NUMBER_TEXT];
  number_fmt(text, (uint64_t)t);
  return stralloc_cats(out, word) && stralloc_cats(out, text) && stralloc_cats(out, "\n");
}

int sts_entry_fmt(stralloc *out, struct sts_entry const *e)
{
  char const *s = e->policy.mx.s;
  if (!stralloc_cats(out, "mta-sts 1\nid ") || !stralloc_cats(out, e->id) || !put_time(out, "\nfetched ", e->fetched)
    || !put_time(out, "ends ", e->ends) || !stralloc_cats(out, "mode ")
    || !stralloc_cats(out, sts_mode_word(e->policy.mode)) || !stralloc_cats(out, "\n")) return 0;
  for (unsigned i = 0; i < e->policy.n; i++, s += strlen(s) + 1) {
    if (!stralloc_cats(out, "mx ") || !stralloc_cats(out, s) || !stralloc_cats(out, "\n")) return 0;
  }
  return stralloc_cats(out, "end\n");
}

int sts_entry_good(struct sts_entry const *e, int64_t now)
{
  return now < e->ends;
}

int sts_entry_ahead(struct sts_entry const *e, int64_t now)
{
  return e->fetched - now > STS_AHEAD;
}

int sts_entry_old(struct sts_entry const *e, int64_t now)
{
  int64_t age = now - e->fetched;
  return age < 0 || age >= STS_RENEW || age >= (e->ends - e->fetched) / 2;
}

void sts_entry_free(struct sts_entry *e)
{
  sts_policy_free(&e->policy);
}
