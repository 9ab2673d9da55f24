/* Postmasters in a description. Who reads that postmaster@.example is meant takes that for postmaster@a.example, too,
 * and `.example` for less special; but among the classes postmaster@a.example may be one of its own, or one of
 * a.example's, which come below `.example` alone. Where such a reader would be wrong a flip is added that says it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "diff/model.h"

struct reading {
  struct classes const *c;
  unsigned char *flip;     /* of each class: 0 none, 1 out, 2 in */
  uint32_t *postmaster;    /* of each domain or suffix: the class of its postmasters, or NONE32 */
  uint32_t *address;       /* of each domain: that of postmaster there by its own line, or NONE32 */
};

static void find_postmasters(struct reading *r, size_t n)
{
  for (size_t i = 0; i < n; i++) r->postmaster[i] = r->address[i] = NONE32;
  for (size_t i = 0; i < n; i++) {
    struct address_class const *k = classes_address(r->c, i);
    if (k->form == FORM_POSTMASTER) r->postmaster[k->wider] = (uint32_t)i;
    if (k->form == FORM_ADDRESS && !strncmp(classes_text(r->c, k->key), "postmaster@",
        11)) r->address[k->wider] = (uint32_t)i;
  }
}

/* What the flips say of postmaster in a domain of the class. */
static int read_flips(struct reading const *r, size_t class, int all)
{
  if (r->address[class] != NONE32 && r->flip[r->address[class]]) return r->flip[r->address[class]] - 1;
  for (; class != CLASSES_NONE; class = classes_address(r->c, class)->wider) {
    if (r->postmaster[class] != NONE32 && r->flip[r->postmaster[class]]) return r->flip[r->postmaster[class]] - 1;
    if (r->flip[class]) return r->flip[class] - 1;
  }
  return all;
}

static void correct(struct reading *r, struct model const *m, unsigned char const *is, unsigned char const *now,
    size_t n,
                    int all)
{
  for (size_t place = 0; place < n; place++) {
    size_t class = m->order[place], own = class;
    enum form form = classes_address(r->c, class)->form;
    if (form != FORM_DOMAIN && form != FORM_SUFFIX) continue;
    if (r->postmaster[class] != NONE32) own = r->postmaster[class];
    if (r->address[class] != NONE32) own = r->address[class];
    if (is[own] == now[own] && read_flips(r, class, all) != now[own]) r->flip[own] = (unsigned char)(now[own] + 1);
  }
}

int postmasters_describe(genalloc *flips, struct diff const *d, unsigned char const *is, unsigned char const *now,
                         int all)
{
  size_t n = classes_addresses(&d->classes), len = genalloc_len(struct diff_flip, flips);
  struct reading r = { .c = &d->classes };
  int some = 0, ok = 1;
  for (size_t i = 0; i < len && !some; i++)
    some = classes_address(r.c, genalloc_s(struct diff_flip, flips)[i].class)->form == FORM_POSTMASTER;
  if (!some) return 0;
  r.flip = calloc(n, 1);
  r.postmaster = malloc(2 * n * sizeof *r.postmaster);
  if (r.flip && r.postmaster) {
    r.address = r.postmaster + n;
    find_postmasters(&r, n);
    for (size_t i = 0; i < len; i++) {
      struct diff_flip const *f = genalloc_s(struct diff_flip, flips) + i;
      r.flip[f->class] = (unsigned char)(f->in + 1);
    }
    correct(&r, d->model, is, now, n, all);
    flips->len = 0;
    for (size_t place = 0; place < n && ok; place++) {
      struct diff_flip f = { d->model->order[place], r.flip[d->model->order[place]] == 2 };
      if (r.flip[f.class]) ok = genalloc_append(struct diff_flip, flips, &f);
    }
  } else {
    ok = 0;
  }
  free(r.flip);
  free(r.postmaster);
  return ok ? 0 : (errno = ENOMEM, -1);
}
