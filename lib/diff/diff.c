/* The comparison from end to end, and what aliases lead elsewhere. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

/* Does this class or a wider one have a line in `aliases`? */
static int may_redirect(struct diff const *d, size_t class)
{
  unsigned const ours = RECIPIENT_HOSTED | RECIPIENT_VALID;
  if (d->model->recipients.pair[class] == NONE32) return 0;
  for (unsigned t = 0; t < 2; t++)
    if ((diff_traits(d, 1, class, t) & ours) != ours) return 0;
  for (; class != CLASSES_NONE; class = classes_address(&d->classes, class)->wider)
    if (classes_address(&d->classes, class)->named & NAMED_ALIASES) return 1;
  return 0;
}

/* An alias' targets as keys, NUL behind each. */
static int target_keys(stralloc *out, struct record const *r)
{
  char key[ADDRESS_KEY];
  struct address a;
  for (char const *s = r->data, *end = s + r->len; s < end; s += strnlen(s, (size_t)(end - s)) + 1) {
    if (address_mailbox(&a, s, strnlen(s, (size_t)(end - s)), 1) != ADDRESS_OK) continue;
    if (!stralloc_catb(out, key, address_key(key, &a) + 1)) return -1;
  }
  return 0;
}

/* Is each of these in those? */
static int all_in(stralloc const *these, stralloc const *those)
{
  for (size_t i = 0; i < these->len; i += strlen(these->s + i) + 1) {
    size_t k = 0;
    while (k < those->len && strcmp(these->s + i, those->s + k)) k += strlen(those->s + k) + 1;
    if (k >= those->len) return 0;
  }
  return 1;
}

/* Do two aliases stand for other addresses? Returns 1, 0, or -1. */
static int other_targets(struct record const *old, struct record const *new)
{
  stralloc a = STRALLOC_ZERO, b = STRALLOC_ZERO;
  if (old->len == new->len && !memcmp(old->data, new->data, old->len)) return 0;
  int r = target_keys(&a, old) < 0 || target_keys(&b, new) < 0 ? -1 : !all_in(&a, &b) || !all_in(&b, &a);
  if (r < 0) errno = ENOMEM;
  stralloc_free(&a);
  stralloc_free(&b);
  return r;
}

/* Do its mails go elsewhere now? Returns 1, 0, or -1. */
static int redirected(struct diff const *d, size_t class)
{
  struct address a;
  struct decision decided[2];
  struct address_class const *k = classes_address(&d->classes, class);
  struct facts f = { .listener = "", .recipient = classes_example(&d->classes, k, &a) };
  for (unsigned t = 0; t < 2; t++) decide(decided + t, d->t[t], &f);
  if (decided[0].reason != REASON_ALIAS && decided[1].reason != REASON_ALIAS) return 0;
  return decided[0].reason != decided[1].reason ? 1 : other_targets(&decided[0].record, &decided[1].record);
}

/* Each of the classes that come into question is a mark of its own. */
static int redirect_line(struct diff *d)
{
  struct model *m = d->model;
  genalloc marks = GENALLOC_ZERO, groups = GENALLOC_ZERO;
  struct diff_line l = { .kind = DIFF_REDIRECTS };
  uint32_t pairs = (uint32_t)genalloc_len(struct pair, &m->recipients.pairs);
  int ok = 1;
  for (size_t place = 0; place < classes_addresses(&d->classes) && ok; place++) {
    uint32_t class = m->order[place];
    if (!may_redirect(d, class)) continue;
    ok = genalloc_append(uint32_t, &marks, &class);
    uint32_t group = (uint32_t)genalloc_len(uint32_t, &marks) * pairs + m->recipients.pair[class];
    int r = ok ? redirected(d, class) : 0;
    if (r) ok = r > 0 && genalloc_append(uint32_t, &groups, &group);
  }
  size_t n = genalloc_len(uint32_t, &groups);
  if (!ok) errno = ENOMEM;
  if (ok && n)
    ok = sets_add(&m->sets, genalloc_s(uint32_t, &marks), genalloc_len(uint32_t, &marks), &l.recipient_marks) == 0 &&
      sets_add(&m->sets, genalloc_s(uint32_t, &groups), n, &l.recipients) == 0 &&
      (genalloc_append(struct diff_line, &d->lines, &l) || (errno = ENOMEM, 0));
  genalloc_free(uint32_t, &marks);
  genalloc_free(uint32_t, &groups);
  return ok ? 0 : -1;
}

static int by_kind(void const *x, void const *y)
{
  struct diff_line const *a = x, *b = y;
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  if (a->clients != b->clients) return a->clients < b->clients ? -1 : 1;
  if (a->recipients != b->recipients) return a->recipients < b->recipients ? -1 : 1;
  return a->senders < b->senders ? -1 : a->senders > b->senders;
}

int diff_make(struct diff *d, struct table_set const *old, struct table_set const *new)
{
  struct table_set const *both[2] = { old, new };
  *d = (struct diff){ .t = { old, new }, .classes = CLASSES_ZERO, .lines = GENALLOC_ZERO };
  if (!(d->model = calloc(1, sizeof *d->model))) return errno = ENOMEM, -1;
  if (classes_make(&d->classes, both, 2) < 0 || hosts_make(d) < 0 || prefixes_make(d) < 0 || order_make(d) < 0 ||
      stamps_make(d) < 0 || sides_make(d) < 0 || atoms_make(d) < 0 || cells_make(d) < 0 || devices_make(d) < 0 ||
      lines_join(d, 0) < 0 || redirect_line(d) < 0 || gate_lines(d) < 0 || stamps_lines(d) < 0) return -1;
  size_t n = genalloc_len(struct diff_line, &d->lines);
  if (n) qsort(genalloc_s(struct diff_line, &d->lines), n, sizeof(struct diff_line), by_kind);
  return 0;
}

static void side_free(struct side *s)
{
  for (size_t i = 0; i < genalloc_len(struct pair, &s->pairs); i++) free(genalloc_s(struct pair, &s->pairs)[i].places);
  genalloc_free(struct pair, &s->pairs);
  free(s->pair);
}

void diff_free(struct diff *d)
{
  struct model *m = d->model;
  classes_free(&d->classes);
  genalloc_free(struct diff_line, &d->lines);
  if (!m) return;
  side_free(&m->senders);
  side_free(&m->recipients);
  sets_free(&m->sets);
  stamps_free(&m->stamps);
  genalloc_free(struct atom, &m->atoms);
  genalloc_free(struct span, &m->spans);
  genalloc_free(struct prefix, &m->prefixes);
  genalloc_free(struct name_group, &m->groups);
  genalloc_free(struct kinds, &m->kinds);
  free(m->order);
  free(m->place);
  free(m->end);
  free(m->memo);
  free(m);
  d->model = 0;
}
