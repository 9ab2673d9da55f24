/* All combinations of groups, but for those in which a line `grant device` could hold: devices.c has these. */
#include <errno.h>
#include "diff/model.h"

#define NO_GRANT (RECIPIENT_ONWARD | RECIPIENT_DENIED | RECIPIENT_HOSTED) /* relaying does not come up */

int pair_devices(struct diff const *d, uint32_t pair)
{
  struct pair const *p = genalloc_s(struct pair, &d->model->recipients.pairs) + pair;
  return genalloc_len(struct device_line, &d->classes.devices) && !(p->traits[0] & p->traits[1] & NO_GRANT) &&
    (!(p->traits[0] & NO_GRANT) || !(p->traits[1] & NO_GRANT));
}

/* The atoms that have this pair of views, with devices or without. */
static int find_atoms(struct diff *d, unsigned views, int devices, uint32_t *set, size_t *one)
{
  genalloc list = GENALLOC_ZERO;
  int failed = 0;
  for (size_t i = 0; i < genalloc_len(struct atom, &d->model->atoms) && !failed; i++) {
    struct atom const *a = genalloc_s(struct atom, &d->model->atoms) + i;
    uint32_t number = (uint32_t)i;
    if (view_pair(a) != views || (a->device && !devices)) continue;
    *one = i;
    if (!genalloc_append(uint32_t, &list, &number)) failed = -1, errno = ENOMEM;
  }
  if (!failed) failed = sets_add(&d->model->sets, genalloc_s(uint32_t, &list), genalloc_len(uint32_t, &list), set);
  genalloc_free(uint32_t, &list);
  return failed;
}

static int with_views(struct diff *d, unsigned views)
{
  struct model *m = d->model;
  uint32_t all, plain;
  size_t any = CLASSES_NONE, one = CLASSES_NONE;
  if (find_atoms(d, views, 1, &all, &any) < 0 || find_atoms(d, views, 0, &plain, &one) < 0) return -1;
  if (any == CLASSES_NONE) return 0;
  for (uint32_t r = 0; r < genalloc_len(struct pair, &m->recipients.pairs); r++) {
    int devices = pair_devices(d, r);
    if (devices && one == CLASSES_NONE) continue;
    for (uint32_t s = 0; s < genalloc_len(struct pair, &m->senders.pairs); s++) {
      struct cell c = { .clients = devices ? plain : all, .sender = s, .recipient = r };
      size_t sender = m->order[genalloc_s(struct pair, &m->senders.pairs)[s].places[0]];
      size_t recipient = m->order[genalloc_s(struct pair, &m->recipients.pairs)[r].places[0]];
      if (kinds_get(d, devices ? one : any, sender, recipient, 0, &c.kinds) < 0 || lines_add(d, &c) < 0) return -1;
    }
  }
  return 0;
}

int cells_make(struct diff *d)
{
  for (unsigned views = 0; views < VIEWS; views++)
    if (views / 3 != DENIED && views % 3 != DENIED && with_views(d, views) < 0) return -1;
  return 0;
}
