/* `grant device`: a line opens when some client of its prefix, some sender of its FROM and some recipient of its TO get
 * through. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "prove/work.h"

/* A prefix with all its lines. */
struct prefix {
  struct ip ip;
  unsigned bits;
  size_t first, n;          /* in `lines` */
  size_t opens;             /* in `lines`: one that grants something, or CLASSES_NONE */
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
    struct prefix p = { .ip = d[i].ip, .bits = d[i].bits, .first = i, .opens = CLASSES_NONE };
    if (!i || by_prefix(d + i - 1, d + i))
      if (!genalloc_append(struct prefix, &x->prefixes, &p)) return nomem();
    genalloc_s(struct prefix, &x->prefixes)[genalloc_len(struct prefix, &x->prefixes) - 1].n++;
    x->bits[p.ip.len == 16][p.bits] = 1;
  }
  return 0;
}

static struct prefix const *find(struct devices const *x, struct ip const *ip, unsigned bits)
{
  struct device_line key = { .ip = *ip, .bits = (uint8_t)bits };
  struct prefix const *p = genalloc_s(struct prefix, &x->prefixes);
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

/* The shortest prefix that holds the clients of a class and grants something, or null. */
static struct prefix const *widest(struct devices const *x, struct client_class const *k)
{
  for (unsigned bits = 0; k->view->is_device && bits <= k->view->device_bits; bits++) {
    struct prefix const *p = x->bits[k->view->device.len == 16][bits] ? find(x, &k->view->device, bits) : 0;
    if (p && p->opens != CLASSES_NONE) return p;
  }
  return 0;
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

/* The first line of each prefix that grants something. Who else may relay, and how, plays no part: so any client of the
 * prefix stands for all. */
static int mark_prefixes(struct devices *x)
{
  struct prefix *p = genalloc_s(struct prefix, &x->prefixes);
  for (size_t i = 0; i < genalloc_len(struct prefix, &x->prefixes); i++) {
    struct way way = { .client = p[i].ip };
    for (size_t n = p[i].first; n < p[i].first + p[i].n && p[i].opens == CLASSES_NONE; n++) {
      int relayed = try_line(x, genalloc_s(struct device_line, &x->lines) + n, &way);
      if (relayed < 0) return -1;
      if (relayed) p[i].opens = n;
    }
  }
  return 0;
}

static void mark_clients(struct devices const *x, struct amount *sum)
{
  for (size_t i = 0; i < classes_clients(x->w->c); i++) {
    struct client_class const *k = classes_client(x->w->c, i);
    if (!k->view->is_device || k->view->denied) continue;
    int relays = widest(x, k) != 0;
    x->w->devices.s[i] = relays ? DEVICES_RELAY : DEVICES_VOID;
    if (!relays) continue;
    sum->v4 += k->v4;
    wide_add(&sum->v6, k->v6_global);
  }
}

int devices_mark(struct work *w)
{
  size_t n = classes_clients(w->c);
  struct devices *x = w->lines = calloc(1, sizeof *x);
  if (!x || !stralloc_ready(&w->devices, n)) return nomem();
  memset(w->devices.s, DEVICES_NONE, n);
  x->w = w;
  if (sort_lines(x) < 0) return -1;
  if (!genalloc_len(struct prefix, &x->prefixes)) return 0;
  if (mark_addresses(x) < 0 || mark_prefixes(x) < 0) return -1;
  mark_clients(x, &w->p->devices);
  return 0;
}

void devices_free(struct work *w)
{
  struct devices *x = w->lines;
  if (!x) return;
  genalloc_free(struct device_line, &x->lines);
  genalloc_free(struct prefix, &x->prefixes);
  genalloc_free(size_t, &x->from);
  genalloc_free(size_t, &x->to);
  free(x);
}

struct device_line const *devices_line(struct work *w, size_t client)
{
  struct prefix const *p = widest(w->lines, classes_client(w->c, client));
  return genalloc_s(struct device_line, &w->lines->lines) + p->opens;
}

int devices_way(struct work *w, struct way *way, size_t client, int named)
{
  struct client_class const *k = classes_client(w->c, client);
  *(named ? &way->named : &way->client) = k->example;
  way->trusted = k->view->trusted;
  int relayed = try_line(w->lines, devices_line(w, client), way);
  if (relayed > 0) work_cost(w, way);
  return relayed ? relayed : (errno = EPROTO, -1);
}
