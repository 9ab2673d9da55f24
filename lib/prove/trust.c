/* Clients that relay, counted: trusted with RELAYCLIENT, devices, proxies who may name one of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy/gate.h"
#include "prove/work.h"

/* What a line lets in. */
struct share {
  enum opening_kind kind;
  uint32_t line;
  struct census n;
  size_t client;         /* a class of it */
  struct ip example;
  unsigned score;        /* how well the example reads */
};

/* Somebody left to the rule for everybody. */
struct rest {
  struct ip ip;          /* len 0: nobody is */
  unsigned score;
};

struct measure {
  struct crowd crowd;
  genalloc shares;       /* struct share */
  struct rest rest[2][2]; /* of RELAYCLIENT and RELAYPROXY; IPv4 and IPv6 */
};

int clients_mark(struct work *w)
{
  struct way way = { .trusted = 1, .client = { .len = 4 } };
  struct record r;
  int granted = work_line(w, "grant clients", &r);
  if (granted > 0) granted = work_pairs(w, &way, 0);
  w->clients_relay = granted > 0;
  return granted < 0 ? -1 : 0;
}

/* One who relays by his address: for a proxy to name. Returns 1, 0, -1 with errno. */
static int relaying(struct work *w, struct way *way)
{
  for (size_t i = 0; i < classes_clients(w->c); i++) {
    struct client_class const *k = classes_client(w->c, i);
    if (k->view->denied) continue;
    if (w->devices.s[i] == DEVICES_RELAY) return devices_way(w, way, i, 1);
    if (!k->view->trusted || !w->clients_relay) continue;
    way->named = k->example;
    way->trusted = 1;
    return work_pairs(w, way, 0);
  }
  return 0;
}

/* Does the client of o->way, trusted so, relay? Then it is kept. */
static int try(struct work *w, struct opening *o, int proxy)
{
  int found = work_line(w, "grant clients", &o->grant), relayed = 0;
  if (found < 0) return -1;
  if (proxy) {
    relayed = relaying(w, &o->way);
    if (!o->way.trusted) o->grant = (struct record){ .file = "relay", .data = "" };
  } else if (found) {
    o->way.trusted = 1;
    relayed = work_pairs(w, &o->way, 0);
  }
  return relayed > 0 ? work_open(w, o) : relayed;
}

/* The addresses of a client class that relays. */
static int measure_class(struct work *w, struct measure *m, size_t client, enum opening_kind kind)
{
  struct client_class const *k = classes_client(w->c, client);
  uint32_t device = kind == OPENING_DEVICES ? devices_line(w, client)->record.line : 0;
  for (size_t i = k->first; i < k->first + k->n; i++) {
    struct span const *s = classes_span(w->c, i);
    struct crowd alone = CROWD_ZERO;
    struct share x = { .kind = kind, .line = device ? device : s->line[0], .client = client };
    x.score = range_example(&x.example, &s->first, &s->last);
    int r = crowd_add(&alone, &s->first, &s->last);
    crowd_count(&alone, &x.n);
    crowd_free(&alone);
    if (r < 0 || crowd_add(&m->crowd, &s->first, &s->last) < 0) return -1;
    if (!genalloc_append(struct share, &m->shares, &x)) return errno = ENOMEM, -1;
    struct rest *rest = &m->rest[kind == OPENING_PROXIES][s->first.len == 16];
    if (kind == OPENING_DEVICES || !s->rest[0] || (rest->ip.len && x.score >= rest->score)) continue;
    *rest = (struct rest){ x.example, x.score };
  }
  return 0;
}

/* What is said of trust, whether it helps or not. */
static void sum_class(struct work *w, struct client_class const *k, struct amount *sum)
{
  for (size_t i = k->first; i < k->first + k->n; i++)
    amount_add(sum, &classes_span(w->c, i)->first, &classes_span(w->c, i)->last);
}

static int measure(struct work *w, struct measure *m)
{
  struct way way = { .trusted = 0 };
  int named = relaying(w, &way);
  if (named < 0) return -1;
  for (size_t i = 0; i < classes_clients(w->c); i++) {
    struct client_class const *k = classes_client(w->c, i);
    struct client_view const *v = k->view;
    int r = 0;
    if (v->denied) continue;
    if (v->trusted) sum_class(w, k, &w->p->trusted);
    if (v->proxy) sum_class(w, k, &w->p->proxies);
    if (v->trusted && w->clients_relay) r = measure_class(w, m, i, OPENING_CLIENTS);
    else if (v->proxy && named) r = measure_class(w, m, i, OPENING_PROXIES);
    else if (w->devices.s[i] == DEVICES_RELAY) r = measure_class(w, m, i, OPENING_DEVICES);
    if (r < 0) return -1;
  }
  return 0;
}

static int by_line(void const *x, void const *y)
{
  struct share const *a = x, *b = y;
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  if (a->line != b->line) return a->line < b->line ? -1 : 1;
  return (a->score > b->score) - (a->score < b->score);
}

static int is_more(struct census const *a, struct census const *b, uint8_t family)
{
  return family == 4 ? a->v4 > b->v4 : wide_cmp(a->v6, b->v6) > 0;
}

/* The best example of the line that has the largest part. */
static struct share const *blamed(struct measure *m, uint8_t family)
{
  struct share *s = genalloc_s(struct share, &m->shares), *most = s;
  struct census now = { 0 }, best = { 0 };
  size_t first = 0, n = genalloc_len(struct share, &m->shares);
  qsort(s, n, sizeof *s, by_line);
  for (size_t i = 0; i < n; i++) {
    if (s[i].kind != s[first].kind || s[i].line != s[first].line) first = i, now = (struct census){ 0 };
    now.v4 += s[i].n.v4;
    wide_add(&now.v6, s[i].n.v6);
    if (is_more(&now, &best, family)) best = now, most = s + first;
  }
  return most;
}

/* Keeps it, unless its line is kept already (for the other family). */
static int open_line(struct work *w, struct opening *o, size_t client)
{
  if (o->kind == OPENING_DEVICES) o->record = devices_line(w, client)->record;
  else if (gate_find(w->t, &o->way.client, 0, 0, &o->record) == GATE_TEMPFAIL) return errno = EPROTO, -1;
  for (size_t i = 0; i < proof_openings(w->p); i++)
    if (proof_opening(w->p, i)->kind == o->kind && proof_opening(w->p, i)->record.data == o->record.data &&
        proof_opening(w->p, i)->record.line == o->record.line) return 0;
  if (o->kind != OPENING_DEVICES) return try(w, o, o->kind == OPENING_PROXIES);
  return devices_way(w, &o->way, client, 0) < 0 ? -1 : work_open(w, o);
}

static int open_family(struct work *w, struct measure *m, uint8_t family, struct census const *n)
{
  int everybody = 0;
  for (int proxy = 0; proxy < 2; proxy++) {
    struct opening o = { .kind = proxy ? OPENING_PROXIES : OPENING_CLIENTS, .everybody = 1 };
    o.way.client = m->rest[proxy][family == 16].ip;
    if (!o.way.client.len) continue;
    everybody = 1;
    if (open_line(w, &o, CLASSES_NONE) < 0) return -1;
  }
  if (everybody || !census_is_strangers(n, family)) return 0;
  struct share const *s = blamed(m, family);
  struct opening o = { .kind = s->kind, .family = family, .way.client = s->example };
  return open_line(w, &o, s->client);
}

int open_crowd(struct work *w)
{
  struct measure m = { CROWD_ZERO, GENALLOC_ZERO, { { { { .len = 0 }, 0 } } } };
  struct census n;
  int r = measure(w, &m);
  crowd_count(&m.crowd, &n);
  if (r == 0) r = open_family(w, &m, 4, &n);
  if (r == 0) r = open_family(w, &m, 16, &n);
  int e = errno;
  crowd_free(&m.crowd);
  genalloc_free(struct share, &m.shares);
  errno = e;
  return r;
}

/* An address that no rule for addresses holds, so that one for a name can. Returns 1, or 0. */
static int nameless(struct work *w, struct ip *ip)
{
  unsigned best = RANGE_OTHER + 1;
  struct ip example;
  for (size_t i = 0; i < genalloc_len(struct span, &w->c->spans); i++) {
    struct span const *s = classes_span(w->c, i);
    unsigned score = s->rest[0] ? range_example(&example, &s->first, &s->last) : best;
    if (score >= best) continue;
    best = score;
    *ip = example;
  }
  return best <= RANGE_OTHER;
}

/* A rule for all names, or for those below a public top-level domain. */
static int open_name(struct work *w, char const *key, int proxy)
{
  static char const *const below[] = { ".example.net", ".example", ".test", ".invalid" };
  struct opening o = { .kind = proxy ? OPENING_PROXIES : OPENING_NAMES, .everybody = 1 };
  struct record r;
  if (!nameless(w, &o.way.client)) return 0;
  if (table_find(w->t, TABLE_CLIENTS, key, strlen(key), &o.record) <= 0) return errno = EPROTO, -1;
  for (size_t i = 0; i < 1000; i++) {
    snprintf(o.way.host, sizeof o.way.host, "client%zu%s", i, key[1] ? key + 1 : below[i % 4]);
    if (gate_find(w->t, &o.way.client, o.way.host, 0, &r) == GATE_TEMPFAIL) return errno = EPROTO, -1;
    if (r.data == o.record.data) return try(w, &o, proxy);
  }
  return 0;
}

int open_names(struct work *w)
{
  for (size_t i = 0; i < genalloc_len(struct client_name, &w->c->names); i++) {
    struct client_name const *n = genalloc_s(struct client_name, &w->c->names) + i;
    char const *key = classes_text(w->c, n->key);
    struct lines *lines = strchr(key, '@') ? &w->p->users : &w->p->names;
    int wide = !strcmp(key, "=") || (key[0] == '=' && key[1] == '.' && label_is_public(key + 2));
    if (n->view->denied || (!n->view->trusted && !n->view->proxy)) continue;
    if (!lines->n++ || n->line[0] < lines->first) lines->first = n->line[0];
    if (wide && n->view->trusted && open_name(w, key, 0) < 0) return -1;
    if (wide && n->view->proxy && open_name(w, key, 1) < 0) return -1;
  }
  return 0;
}
