/* `grant device`: a line opens when some client of its prefix, some sender of its FROM and some recipient of its TO get
 * through. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "prove/work.h"

/* A prefix with all its lines, and a client class of it that is let in. */
struct prefix {
  struct ip ip;
  unsigned bits;
  size_t first, n;          /* in `lines` */
  size_t client;            /* or CLASSES_NONE */
};

struct devices {
  struct work *w;
  genalloc lines;           /* struct device_line, by prefix */
  genalloc prefixes;        /* struct prefix */
  genalloc from, to;        /* size_t for each address class: the cheapest one of that form that may pass */
  size_t any_from, any_to, hosted_from;
  uint8_t bits[2][129];     /* lengths in use */
};

#define BEST(g, i) genalloc_s(size_t, g)[i]

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

static int by_prefix(void const *x, void const *y)
{
  struct device_line const *a = x, *b = y;
  int r = range_cmp(&a->ip, &b->ip);
  return r ? r : (int)a->bits - (int)b->bits;
}

static int sort_lines(struct devices *x)
{
  struct classes const *c = x->w->c;
  for (size_t i = 0; i < genalloc_len(struct device_line, &c->devices); i++) {
    struct device_line const *d = genalloc_s(struct device_line, &c->devices) + i;
    if (d->to == DEVICE_HOSTED) continue; /* that needs no grant */
    if (!genalloc_append(struct device_line, &x->lines, d)) return nomem();
  }
  struct device_line *d = genalloc_s(struct device_line, &x->lines);
  size_t n = genalloc_len(struct device_line, &x->lines);
  if (n) qsort(d, n, sizeof *d, by_prefix);
  for (size_t i = 0; i < n; i++) {
    struct prefix p = { .ip = d[i].ip, .bits = d[i].bits, .first = i, .client = CLASSES_NONE };
    if (!i || by_prefix(d + i - 1, d + i))
      if (!genalloc_append(struct prefix, &x->prefixes, &p)) return nomem();
    genalloc_s(struct prefix, &x->prefixes)[genalloc_len(struct prefix, &x->prefixes) - 1].n++;
    x->bits[p.ip.len == 16][p.bits] = 1;
  }
  return 0;
}

static struct prefix *find(struct devices *x, struct ip const *ip, unsigned bits)
{
  struct device_line key = { .ip = *ip, .bits = (uint8_t)bits };
  struct prefix *p = genalloc_s(struct prefix, &x->prefixes);
  size_t low = 0, high = genalloc_len(struct prefix, &x->prefixes);
  ip_mask(&key.ip, bits);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int r = range_cmp(&p[middle].ip, &key.ip);
    if (!r) r = (int)p[middle].bits - (int)bits;
    if (!r) return p + middle;
    if (r < 0) low = middle + 1;
    else high = middle;
  }
  return 0;
}

/* Which clients have lines, and how many they are. */
static void mark_clients(struct devices *x, struct amount *sum)
{
  struct classes const *c = x->w->c;
  for (size_t i = 0; i < classes_clients(c); i++) {
    struct client_class const *k = classes_client(c, i);
    int some = 0;
    if (!k->view->is_device || k->view->denied) continue;
    for (unsigned bits = 0; bits <= k->view->device_bits; bits++) {
      struct prefix *p = x->bits[k->view->device.len == 16][bits] ? find(x, &k->view->device, bits) : 0;
      if (!p) continue;
      some = 1;
      if (p->client == CLASSES_NONE) p->client = i;
    }
    if (!some) continue;
    x->w->devices.s[i] = 1;
    sum->v4 += k->v4;
    wide_add(&sum->v6, k->v6_global);
  }
}

static void better(struct work *w, size_t *best, size_t now)
{
  if (*best == CLASSES_NONE || COST(w, now) < COST(w, *best)) *best = now;
}

/* Which sender and recipient of each form can pass at all. */
static int mark_addresses(struct devices *x)
{
  struct work *w = x->w;
  struct record r;
  size_t const none = CLASSES_NONE;
  int hosted = work_line(w, "require sender hosted", &r);
  if (hosted < 0) return -1;
  x->any_from = x->any_to = x->hosted_from = CLASSES_NONE;
  for (size_t i = 0; i < classes_addresses(w->c); i++)
    if (!genalloc_append(size_t, &x->from, &none) || !genalloc_append(size_t, &x->to, &none)) return nomem();
  for (size_t i = 0; i < classes_addresses(w->c); i++) {
    struct address_class const *k = classes_address(w->c, i);
    unsigned s = SENDER_TRAITS(w, i);
    int sender = k->sender && (!hosted || (s & SENDER_HOSTED));
    int recipient = k->recipient && RELAYED(RECIPIENT_TRAITS(w, i));
    if (sender) better(w, &x->any_from, i);
    if (sender && (s & SENDER_HOSTED)) better(w, &x->hosted_from, i);
    if (recipient) better(w, &x->any_to, i);
    for (size_t f = i; f != CLASSES_NONE; f = classes_address(w->c, f)->wider) {
      if (sender) better(w, &BEST(&x->from, f), i);
      if (recipient) better(w, &BEST(&x->to, f), i);
    }
  }
  return 0;
}

/* Fills in sender and recipient, the client being there. Returns 1 when it relays, 0, -1 with errno. */
static int try_line(struct devices *x, struct device_line const *d, struct way *way)
{
  way->sender = d->from == DEVICE_ANY ? x->any_from : d->from == DEVICE_HOSTED ? x->hosted_from :
    BEST(&x->from, d->from);
  way->recipient = d->to == DEVICE_ANY ? x->any_to : BEST(&x->to, d->to);
  if (way->sender == CLASSES_NONE || way->recipient == CLASSES_NONE) return 0;
  for (unsigned session = 0; session < 4; session++) {
    way->tls = session & 1;
    way->submission = session >> 1;
    int relayed = work_ask(x->w, way, 0);
    if (relayed) return relayed;
  }
  return 0;
}

/* The widest prefix (of IPv4 if `four`, of IPv6 if `six`) that has a line that opens. */
static int first_way(struct devices *x, struct way *way, int named, int four, int six, struct device_line const **line)
{
  struct prefix const *p = genalloc_s(struct prefix, &x->prefixes);
  for (unsigned bits = 0; bits <= 128; bits++) {
    if (!x->bits[0][bits] && !x->bits[1][bits]) continue;
    for (size_t i = 0; i < genalloc_len(struct prefix, &x->prefixes); i++) {
      if (p[i].bits != bits || p[i].client == CLASSES_NONE || !(p[i].ip.len == 4 ? four : six)) continue;
      struct client_class const *k = classes_client(x->w->c, p[i].client);
      *(named ? &way->named : &way->client) = k->example;
      way->trusted = k->view->trusted;
      for (size_t n = p[i].first; n < p[i].first + p[i].n; n++) {
        *line = genalloc_s(struct device_line, &x->lines) + n;
        int relayed = try_line(x, *line, way);
        if (relayed) return relayed;
      }
    }
  }
  return 0;
}

/* Gathers and, when there is anything, calls `then`. */
static int with_devices(struct work *w, struct amount *sum, int (*then)(struct devices *, void *), void *arg)
{
  struct devices x = { .w = w };
  int r = sort_lines(&x);
  if (r == 0 && genalloc_len(struct prefix, &x.prefixes)) {
    mark_clients(&x, sum);
    r = mark_addresses(&x);
    if (r == 0) r = then(&x, arg);
  }
  int e = errno;
  genalloc_free(struct device_line, &x.lines);
  genalloc_free(struct prefix, &x.prefixes);
  genalloc_free(size_t, &x.from);
  genalloc_free(size_t, &x.to);
  errno = e;
  return r;
}

static int open_them(struct devices *x, void *arg)
{
  struct amount const *sum = &x->w->p->devices, four = { .v4 = sum->v4 }, six = { .v6 = sum->v6 };
  struct device_line const *line;
  (void)arg;
  for (int v6 = 0; v6 < 2; v6++) {
    struct opening o = { .kind = OPENING_DEVICES, .amount = v6 ? six : four };
    int relayed = amount_is_half(&o.amount) ? first_way(x, &o.way, 0, !v6, v6, &line) : 0;
    if (relayed < 0) return -1;
    if (!relayed) continue;
    o.record = line->record;
    work_cost(x->w, &o.way);
    if (work_open(x->w, &o) < 0) return -1;
  }
  return 0;
}

static int nothing(struct devices *x, void *arg)
{
  (void)x;
  (void)arg;
  return 0;
}

int devices_mark(struct work *w)
{
  size_t n = classes_clients(w->c);
  if (!stralloc_ready(&w->devices, n)) return nomem();
  memset(w->devices.s, 0, n);
  return with_devices(w, &w->p->devices, nothing, 0);
}

int open_devices(struct work *w)
{
  struct amount again = { 0 };
  return with_devices(w, &again, open_them, 0);
}

static int name_one(struct devices *x, void *arg)
{
  struct device_line const *line;
  return first_way(x, arg, 1, 1, 1, &line);
}

int devices_way(struct work *w, struct way *way)
{
  struct amount sum = { 0 };
  int r = with_devices(w, &sum, name_one, way);
  if (r <= 0) way->named.len = 0;
  else work_cost(w, way);
  return r;
}
