/* The lines `grant device`: they look at client, sender and recipient together. A device is a class of clients; for
 * each the senders are told apart by those of its lines that fit them, and for each of these the recipients by whether
 * one of those lines fits them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

struct making {
  struct diff *d;
  struct device_line *all;  /* by table, family, bits, address */
  size_t n;
  size_t atom;
  uint32_t clients;         /* the set of this atom */
  genalloc lines;           /* struct device_line const *: the atom's, of both tables */
  genalloc senders;         /* size_t: which classes they name, by place */
  genalloc recipients;
  uint32_t sender_marks, recipient_marks; /* the same as sets */
};

static int by_prefix(void const *x, void const *y)
{
  struct device_line const *a = x, *b = y;
  if (a->table != b->table) return a->table < b->table ? -1 : 1;
  if (a->ip.len != b->ip.len) return a->ip.len < b->ip.len ? -1 : 1;
  if (a->bits != b->bits) return a->bits < b->bits ? -1 : 1;
  return memcmp(a->ip.b, b->ip.b, sizeof a->ip.b);
}

/* The first line that does not sort before this one. */
static size_t find(struct making const *x, struct device_line const *key)
{
  size_t low = 0, high = x->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (by_prefix(x->all + middle, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* The lines of the table whose prefixes hold the device. */
static int find_lines(struct making *x, struct client_view const *v, unsigned table)
{
  struct device_line key = { .ip = v->device, .bits = v->device_bits, .table = table };
  for (int bits = v->is_device ? v->device_bits : -1; bits >= 0; bits--) {
    key.bits = (uint8_t)bits;
    ip_mask(&key.ip, key.bits);
    for (size_t i = find(x, &key); i < x->n && !by_prefix(x->all + i, &key); i++) {
      struct device_line const *l = x->all + i;
      if (!genalloc_append(struct device_line const *, &x->lines, &l)) return errno = ENOMEM, -1;
    }
  }
  return 0;
}

struct mark {
  uint32_t place, class;
};

static int by_place(void const *x, void const *y)
{
  struct mark const *a = x, *b = y;
  return a->place < b->place ? -1 : a->place > b->place;
}

/* Sorts marks (struct mark), drops doubles, makes a list of classes and a set of them. */
static int keep_marks(struct making *x, genalloc *marks, genalloc *classes, uint32_t *set)
{
  struct mark *m = genalloc_s(struct mark, marks);
  size_t n = genalloc_len(struct mark, marks);
  genalloc list = GENALLOC_ZERO;
  int ok = 1;
  classes->len = 0;
  if (n) qsort(m, n, sizeof *m, by_place);
  for (size_t i = 0; i < n && ok; i++) {
    size_t class = m[i].class;
    if (i && m[i].place == m[i - 1].place) continue;
    ok = genalloc_append(size_t, classes, &class) && genalloc_append(uint32_t, &list, &m[i].class);
  }
  int r = ok ? sets_add(&x->d->model->sets, genalloc_s(uint32_t, &list), genalloc_len(uint32_t, &list), set)
    : (errno = ENOMEM, -1);
  genalloc_free(uint32_t, &list);
  return r;
}

static int add_mark(struct making const *x, genalloc *marks, size_t class)
{
  if (class == DEVICE_ANY || class == DEVICE_HOSTED) return 0;
  struct mark m = { x->d->model->place[class], (uint32_t)class };
  return genalloc_append(struct mark, marks, &m) ? 0 : (errno = ENOMEM, -1);
}

static int hits(struct making const *x, size_t mark, size_t class)
{
  for (; mark != CLASSES_NONE; mark = classes_address(&x->d->classes, mark)->wider)
    if (mark == class) return 1;
  return 0;
}

static int by_sender(void const *x, void const *y)
{
  struct device_line const *const *a = x, *const *b = y;
  return (*a)->from < (*b)->from ? -1 : (*a)->from > (*b)->from;
}

/* Appends the atom's lines (which are sorted) from this class (or DEVICE_ANY, DEVICE_HOSTED) that fit senders of the
 * pair, and to marks whom they are to. */
static int add_lines(struct making *x, uint32_t pair, size_t from, genalloc *fitting, genalloc *marks)
{
  struct device_line const **all = genalloc_s(struct device_line const *, &x->lines);
  unsigned const *traits = genalloc_s(struct pair, &x->d->model->senders.pairs)[pair].traits;
  size_t n = genalloc_len(struct device_line const *, &x->lines), low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (all[middle]->from < from) low = middle + 1;
    else high = middle;
  }
  for (; low < n && all[low]->from == from; low++) {
    if (from == DEVICE_HOSTED && !(traits[all[low]->table] & SENDER_HOSTED)) continue;
    if (!genalloc_append(struct device_line const *, fitting, all + low)) return errno = ENOMEM, -1;
    if (add_mark(x, marks, all[low]->to) < 0) return -1;
  }
  return 0;
}

/* The lines that fit senders of this pair within this mark; the classes of their recipients. */
static int find_recipients(struct making *x, uint32_t pair, size_t mark, genalloc *fitting)
{
  genalloc marks = GENALLOC_ZERO;
  fitting->len = 0;
  int failed = add_lines(x, pair, DEVICE_ANY, fitting, &marks);
  if (!failed) failed = add_lines(x, pair, DEVICE_HOSTED, fitting, &marks);
  for (; mark != CLASSES_NONE && !failed; mark = classes_address(&x->d->classes, mark)->wider)
    failed = add_lines(x, pair, mark, fitting, &marks);
  if (!failed) failed = keep_marks(x, &marks, &x->recipients, &x->recipient_marks);
  genalloc_free(struct mark, &marks);
  return failed;
}

static size_t mark_at(genalloc const *marks, size_t i)
{
  return i ? genalloc_s(size_t, marks)[i - 1] : CLASSES_NONE;
}

/* All recipients, for one group of senders. */
static int with_sender(struct making *x, struct cell *c, size_t sender, genalloc const *fitting)
{
  struct model *m = x->d->model;
  uint32_t pairs = (uint32_t)genalloc_len(struct pair, &m->recipients.pairs);
  size_t n = genalloc_len(size_t, &x->recipients), lines = genalloc_len(struct device_line const *, fitting);
  c->recipient_marks = x->recipient_marks;
  for (size_t k = 0; k <= n; k++) {
    unsigned device = 0;
    size_t mark = mark_at(&x->recipients, k);
    for (size_t i = 0; i < lines; i++) {
      struct device_line const *l = genalloc_s(struct device_line const *, fitting)[i];
      if (l->to == DEVICE_ANY || hits(x, mark, l->to)) device |= 1U << l->table;
    }
    for (uint32_t r = 0; r < pairs; r++) {
      if (!pair_devices(x->d, r)) continue;
      size_t recipient = side_find(m, &m->recipients, r, mark, genalloc_s(size_t, &x->recipients), n);
      if (recipient == CLASSES_NONE) continue;
      c->recipient = (uint32_t)k * pairs + r;
      if (kinds_get(x->d, x->atom, sender, recipient, device, &c->kinds) < 0 || lines_add(x->d, c) < 0) return -1;
    }
  }
  return 0;
}

static int with_senders(struct making *x)
{
  struct model *m = x->d->model;
  genalloc fitting = GENALLOC_ZERO;
  uint32_t pairs = (uint32_t)genalloc_len(struct pair, &m->senders.pairs);
  size_t n = genalloc_len(size_t, &x->senders);
  int failed = 0;
  for (size_t k = 0; k <= n && !failed; k++) {
    for (uint32_t s = 0; s < pairs && !failed; s++) {
      size_t mark = mark_at(&x->senders, k);
      size_t sender = side_find(m, &m->senders, s, mark, genalloc_s(size_t, &x->senders), n);
      if (sender == CLASSES_NONE) continue;
      struct cell c = { .clients = x->clients, .sender = (uint32_t)k * pairs + s, .sender_marks = x->sender_marks };
      failed = find_recipients(x, s, mark, &fitting);
      if (!failed) failed = with_sender(x, &c, sender, &fitting);
    }
  }
  genalloc_free(struct device_line const *, &fitting);
  return failed;
}

/* Where for each pair all marks under which there is somebody are in a set, or none, the marks say nothing. Then they
 * go, so that the line can be joined with those of other clients. */
static int drop_marks(struct making *x, struct side const *s, uint32_t *set, uint32_t *marks_set)
{
  struct model *m = x->d->model;
  genalloc marks = GENALLOC_ZERO, pairs = GENALLOC_ZERO;
  uint32_t all = (uint32_t)genalloc_len(struct pair, &s->pairs);
  size_t k, n;
  uint32_t const *list = sets_get(&m->sets, *marks_set, &k);
  int ok = 1, some = 1, r = 0;
  for (size_t i = 0; i < k && ok; i++) {
    size_t class = list[i];
    ok = genalloc_append(size_t, &marks, &class);
  }
  list = sets_get(&m->sets, *set, &n);
  unsigned char *in = calloc((k + 1) * all, 1);
  for (size_t i = 0; i < n && in; i++) in[list[i]] = 1;
  for (uint32_t p = 0; p < all && in && ok && some; p++) {
    int before = -1;
    for (size_t i = 0; i <= k && some; i++) {
      if (side_find(m, s, p, mark_at(&marks, i), genalloc_s(size_t, &marks), k) == CLASSES_NONE) continue;
      some = before < 0 || before == in[i * all + p];
      before = in[i * all + p];
    }
    if (before > 0) ok = genalloc_append(uint32_t, &pairs, &p);
  }
  if (!ok || !in) r = -1, errno = ENOMEM;
  else if (some && (r = sets_add(&m->sets, genalloc_s(uint32_t, &pairs), genalloc_len(uint32_t, &pairs), set)) == 0)
    *marks_set = 0;
  free(in);
  genalloc_free(size_t, &marks);
  genalloc_free(uint32_t, &pairs);
  return r;
}

/* Joins the atom's lines, from number `from` on, among themselves. */
static int tidy(struct making *x, size_t from)
{
  if (lines_join(x->d, from) < 0) return -1;
  for (size_t i = from; i < genalloc_len(struct diff_line, &x->d->lines); i++) {
    struct diff_line l = genalloc_s(struct diff_line, &x->d->lines)[i];
    if (l.sender_marks && drop_marks(x, &x->d->model->senders, &l.senders, &l.sender_marks) < 0) return -1;
    if (l.recipient_marks && drop_marks(x, &x->d->model->recipients, &l.recipients, &l.recipient_marks) < 0) return -1;
    genalloc_s(struct diff_line, &x->d->lines)[i] = l;
  }
  return lines_join(x->d, from);
}

static int with_atom(struct making *x)
{
  struct atom const *a = genalloc_s(struct atom, &x->d->model->atoms) + x->atom;
  genalloc marks = GENALLOC_ZERO;
  uint32_t number = (uint32_t)x->atom;
  size_t from = genalloc_len(struct diff_line, &x->d->lines);
  int failed = 0;
  x->lines.len = 0;
  for (unsigned t = 0; t < 2 && !failed; t++)
    failed = find_lines(x, classes_client(&x->d->classes, a->class)->view + t, t);
  size_t n = genalloc_len(struct device_line const *, &x->lines);
  if (n) qsort(genalloc_s(struct device_line const *, &x->lines), n, sizeof(struct device_line const *), by_sender);
  for (size_t i = 0; i < n && !failed; i++)
    failed = add_mark(x, &marks, genalloc_s(struct device_line const *, &x->lines)[i]->from);
  if (!failed) failed = keep_marks(x, &marks, &x->senders, &x->sender_marks);
  if (!failed) failed = sets_add(&x->d->model->sets, &number, 1, &x->clients);
  if (!failed) failed = with_senders(x);
  if (!failed) failed = tidy(x, from);
  genalloc_free(struct mark, &marks);
  return failed;
}

int devices_make(struct diff *d)
{
  struct making x = { .d = d, .n = genalloc_len(struct device_line, &d->classes.devices) };
  int failed = 0;
  x.all = genalloc_s(struct device_line, &d->classes.devices);
  if (x.n) qsort(x.all, x.n, sizeof *x.all, by_prefix);
  for (; x.atom < genalloc_len(struct atom, &d->model->atoms) && !failed; x.atom++) {
    struct atom const *a = genalloc_s(struct atom, &d->model->atoms) + x.atom;
    if (a->device && !((a->view[0] | a->view[1]) & DENIED)) failed = with_atom(&x);
  }
  genalloc_free(struct device_line const *, &x.lines);
  genalloc_free(size_t, &x.senders);
  genalloc_free(size_t, &x.recipients);
  return failed;
}
