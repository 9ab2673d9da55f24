/* Whom `clients` trusts, counted: RELAYCLIENT, and RELAYPROXY for those who may name such a client. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy/gate.h"
#include "prove/work.h"

/* The addresses of one line. */
struct share {
  uint32_t line;
  struct wide n;         /* global ones */
  struct ip example;
  unsigned score;        /* how well the example reads */
};

/* All addresses of one family with a certain trust. */
struct measure {
  genalloc shares;       /* struct share */
  struct amount sum;
  int everybody;         /* some are left to the rule for everybody, */
  struct ip rest;        /* such as this one */
  unsigned rest_score;
};

static int counts(struct client_view const *v, int proxy)
{
  return !v->denied && (proxy ? v->proxy : v->trusted);
}

static int measure_span(struct measure *m, struct span const *s)
{
  struct share x = { .line = s->line[0], .n = range_global(&s->first, &s->last) };
  x.score = range_example(&x.example, &s->first, &s->last);
  amount_add(&m->sum, &s->first, &s->last);
  if (s->rest[0] && (!m->everybody || x.score < m->rest_score)) {
    m->everybody = 1;
    m->rest = x.example;
    m->rest_score = x.score;
  }
  return genalloc_append(struct share, &m->shares, &x) ? 0 : (errno = ENOMEM, -1);
}

static int measure(struct work *w, struct measure *m, uint8_t family, int proxy)
{
  for (size_t i = 0; i < classes_clients(w->c); i++) {
    struct client_class const *k = classes_client(w->c, i);
    if (!counts(k->view, proxy)) continue;
    for (size_t n = k->first; n < k->first + k->n; n++)
      if (classes_span(w->c, n)->first.len == family && measure_span(m, classes_span(w->c, n)) < 0) return -1;
  }
  return 0;
}

static int by_line(void const *x, void const *y)
{
  struct share const *a = x, *b = y;
  if (a->line != b->line) return a->line < b->line ? -1 : 1;
  return (a->score > b->score) - (a->score < b->score);
}

/* An address of the line that has the largest share, or of the rule for everybody. */
static struct ip blamed(struct measure *m)
{
  struct share *s = genalloc_s(struct share, &m->shares);
  struct wide most = { 0, 0 }, now = { 0, 0 };
  struct ip ip = { .len = 0 };
  size_t first = 0, n = genalloc_len(struct share, &m->shares);
  if (m->everybody) return m->rest;
  qsort(s, n, sizeof *s, by_line);
  for (size_t i = 0; i < n; i++) {
    if (s[i].line != s[first].line) first = i, now = (struct wide){ 0, 0 };
    wide_add(&now, s[i].n);
    if (wide_cmp(now, most) <= 0) continue;
    most = now;
    ip = s[first].example;
  }
  return ip;
}

/* One who relays by his address: for a proxy to name. Returns 1, 0, -1 with errno. */
static int relaying(struct work *w, struct way *way)
{
  struct record r;
  int granted = work_line(w, "grant clients", &r);
  if (granted < 0) return -1;
  for (size_t i = 0; granted && i < classes_clients(w->c); i++) {
    struct client_class const *k = classes_client(w->c, i);
    if (!counts(k->view, 0)) continue;
    way->named = k->example;
    way->trusted = 1;
    int relayed = work_pairs(w, way, 0);
    if (relayed) return relayed;
  }
  way->trusted = 0;
  return devices_way(w, way);
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

static int open_family(struct work *w, uint8_t family, int proxy, struct amount *sum)
{
  struct opening o = { .kind = proxy ? OPENING_PROXIES : OPENING_CLIENTS };
  struct measure m = { .shares = GENALLOC_ZERO };
  int r = measure(w, &m, family, proxy);
  if (r == 0 && (m.everybody || amount_is_half(&m.sum))) {
    o.way.client = blamed(&m);
    o.everybody = m.everybody != 0;
    o.amount = m.sum;
    if (gate_find(w->t, &o.way.client, 0, 0, &o.record) == GATE_TEMPFAIL) r = (errno = EPROTO, -1);
    size_t n = proof_openings(w->p);
    struct opening const *last = n ? proof_opening(w->p, n - 1) : 0;
    int again = last && last->kind == o.kind && last->record.data == o.record.data; /* one line for both families */
    if (r == 0 && !again) r = try(w, &o, proxy);
  }
  int e = errno;
  genalloc_free(struct share, &m.shares);
  errno = e;
  sum->v4 += m.sum.v4;
  wide_add(&sum->v6, m.sum.v6);
  return r;
}

int open_clients(struct work *w)
{
  return open_family(w, 4, 0, &w->p->trusted) < 0 ? -1 : open_family(w, 16, 0, &w->p->trusted);
}

int open_proxies(struct work *w)
{
  return open_family(w, 4, 1, &w->p->proxies) < 0 ? -1 : open_family(w, 16, 1, &w->p->proxies);
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
