/* The lines of the rules that openings name, as they stand in the control files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/printable.h"
#include "prove/report.h"
#include "prove/work.h"
#include "rules/text.h"

static int by_data(void const *x, void const *y)
{
  struct said const *a = x, *b = y;
  return a->data < b->data ? -1 : a->data > b->data;
}

static struct said *find(struct proof const *p, struct record const *r)
{
  struct said key = { .data = r->data };
  size_t n = genalloc_len(struct said, &p->said);
  return n ? bsearch(&key, genalloc_s(struct said, &p->said), n, sizeof key, by_data) : 0;
}

/* One entry for each record that an opening names. */
static int list(struct proof *p)
{
  for (size_t i = 0; i < proof_openings(p); i++) {
    struct record const *of[] = { &proof_opening(p, i)->record, &proof_opening(p, i)->grant };
    for (size_t k = 0; k < 2; k++) {
      struct said s = { .data = of[k]->data, .at = SIZE_MAX };
      if (of[k]->line && !genalloc_append(struct said, &p->said, &s)) return errno = ENOMEM, -1;
    }
  }
  struct said *s = genalloc_s(struct said, &p->said);
  size_t n = genalloc_len(struct said, &p->said), len = 0;
  if (n) qsort(s, n, sizeof *s, by_data);
  for (size_t i = 0; i < n; i++)
    if (!len || s[len - 1].data != s[i].data) s[len++] = s[i];
  genalloc_setlen(struct said, &p->said, len);
  return 0;
}

/* Records point into the table, so where the data is tells which one it is. */
int says_gather(struct work *w)
{
  struct proof *p = w->p;
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record r;
  int more;
  if (list(p) < 0) return -1;
  if (!genalloc_len(struct said, &p->said)) return 0;
  while ((more = table_next(w->t, &pos, &which, &key, &n, &r)) > 0) {
    struct said *s = r.line ? find(p, &r) : 0;
    if (!s || s->at != SIZE_MAX) continue;
    s->at = p->text.len;
    if (!rules_text(&p->text, which, key, n, &r)) return errno = ENOMEM, -1;
    s->len = p->text.len - s->at;
  }
  return more < 0 ? (errno = EPROTO, -1) : 0;
}

int report_says(stralloc *out, struct proof const *p, struct record const *r)
{
  struct said const *s = find(p, r);
  return !s || s->at == SIZE_MAX || printable_put(out, p->text.s + s->at, s->len);
}
