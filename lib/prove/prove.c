/* A proof's frame: classes, traits, groups, then each kind of opening. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "prove/work.h"

/* What reads worse in a transcript, in bytes. */
#define NAMED_COST 600
#define LITERAL_COST 300
#define UTF8_COST 1200

static int nomem(void)
{
  return errno = ENOMEM, -1;
}

/* Traits and cost of one class, and whether it is the cheapest of its groups. */
static int weigh(struct work *w, size_t i)
{
  struct address a;
  struct address_class const *k = classes_address(w->c, i);
  struct address const *example = classes_example(w->c, k, &a);
  unsigned traits[2] = { 0, 0 };
  uint32_t cost = example ? (uint32_t)example->len : 0;
  if (k->sender && classes_sender_traits(w->t, example, traits) < 0) return errno = EPROTO, -1;
  if (k->recipient && classes_recipient_traits(w->t, example, traits + 1) < 0) return errno = EPROTO, -1;
  if (k->form > FORM_OTHER_LITERAL) cost += NAMED_COST;
  if (example && example->literal) cost += LITERAL_COST;
  if (example && example->utf8) cost += UTF8_COST;
  char bytes[2] = { (char)traits[0], (char)traits[1] };
  if (!stralloc_catb(&w->traits, bytes, 2) || !genalloc_append(uint32_t, &w->costs, &cost)) return nomem();
  size_t *best[] = { k->sender ? w->sender + traits[0] : 0, k->recipient ? w->recipient + traits[1] : 0 };
  for (size_t n = 0; n < 2; n++)
    if (best[n] && (*best[n] == CLASSES_NONE || cost < COST(w, *best[n]))) *best[n] = i;
  w->p->senders += k->sender;
  w->p->recipients += k->recipient;
  return 0;
}

static int group(struct work *w)
{
  struct proof *p = w->p;
  for (size_t i = 0; i < TRAITS; i++) w->sender[i] = w->recipient[i] = CLASSES_NONE;
  for (size_t i = 0; i < classes_addresses(w->c); i++)
    if (weigh(w, i) < 0) return -1;
  for (size_t i = 0; i < TRAITS; i++) {
    p->sender_groups += w->sender[i] != CLASSES_NONE;
    p->recipient_groups += w->recipient[i] != CLASSES_NONE;
  }
  return 0;
}

/* How well a class shows a stranger: the less the better. What it has that is of no use to him stays out if it can. */
static unsigned score(struct work const *w, size_t i)
{
  struct client_class const *k = classes_client(w->c, i);
  struct ip ip;
  return range_example(&ip, &k->example, &k->example) + 16U * (w->devices.s[i] == DEVICES_VOID) +
    32U * k->view->trusted + 64U * k->view->proxy;
}

/* A client to whom no trust helps. RELAYCLIENT is none without its grant; a proxy may name a stranger, or be one where
 * the gate does not ask for proxies. */
static int find_stranger(struct work *w)
{
  w->stranger = CLASSES_NONE;
  for (size_t i = 0; i < classes_clients(w->c); i++) {
    struct client_view const *v = classes_client(w->c, i)->view;
    if (v->denied || (v->trusted && w->clients_relay) || w->devices.s[i] == DEVICES_RELAY) continue;
    if (w->stranger == CLASSES_NONE || score(w, i) < score(w, w->stranger)) w->stranger = i;
  }
  w->p->strangers = w->stranger != CLASSES_NONE;
  return 0;
}

/* What the proof leaves to others. */
static int look_around(struct work *w)
{
  struct record r;
  struct pop_grant *pop = &w->p->pop;
  size_t at = 0;
  int logins = work_line(w, "grant login", &r), stamps = pop_find(pop, w->t);
  if (logins < 0 || stamps < 0) return errno = EPROTO, -1;
  w->p->logins = logins != 0;
  w->p->stamps = stamps != 0;
  w->stamped = "";
  if (stamps && !pop_listens(pop, "")) w->stamped = pop_listener(pop, &at);
  for (size_t i = 0; i < classes_addresses(w->c); i++) {
    if (classes_address(w->c, i)->named & NAMED_DOMAINS) w->p->hosted = 1;
    if (classes_address(w->c, i)->form == FORM_SUFFIX && classes_address(w->c, i)->named & (NAMED_DOMAINS | NAMED_TO))
      w->p->suffixes = 1;
    if (classes_address(w->c, i)->named & NAMED_ALIASES) w->p->aliases = 1;
  }
  return 0;
}

/* Who says in so many words that everybody may send anywhere says it of everybody. */
static int declare(struct work *w)
{
  struct record r;
  int anyone = work_line(w, "grant anyone", &r);
  if (anyone <= 0 || r.len != 10 || memcmp(r.data, "open-relay", 10)) return anyone;
  for (size_t i = 0; i < proof_openings(w->p); i++) proof_opening(w->p, i)->declared = 1;
  w->p->undeclared = 0;
  return 0;
}

static int run(struct work *w)
{
  static int (*const parts[])(struct work *) = {
    look_around, group, devices_mark, clients_mark, find_stranger, open_to_host, open_strangers, open_crowd,
    open_names, open_suffixes, declare, says_gather
  };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i](w) < 0) return -1;
  return 0;
}

/* What no line declares before the rest, and the shortest first. */
static int by_cost(void const *x, void const *y)
{
  struct opening const *a = x, *b = y;
  if (a->declared != b->declared) return a->declared ? 1 : -1;
  if (a->way.cost != b->way.cost) return a->way.cost < b->way.cost ? -1 : 1;
  if (a->record.line != b->record.line) return a->record.line < b->record.line ? -1 : 1;
  return (int)a->kind - (int)b->kind;
}

int prove(struct proof *p, struct table_set const *t)
{
  int64_t start = io_now();
  struct work *w = calloc(1, sizeof *w);
  *p = (struct proof){ .classes = CLASSES_ZERO, .openings = GENALLOC_ZERO };
  if (!w) return nomem();
  int r = classes_make(&p->classes, &t, 1);
  p->intervals = genalloc_len(struct span, &p->classes.spans);
  p->clients = classes_clients(&p->classes);
  w->p = p;
  w->t = t;
  w->c = &p->classes;
  if (r == 0) r = run(w);
  if (proof_openings(p)) qsort(proof_opening(p, 0), proof_openings(p), sizeof(struct opening), by_cost);
  int e = errno;
  devices_free(w);
  stralloc_free(&w->traits);
  stralloc_free(&w->devices);
  genalloc_free(uint32_t, &w->costs);
  free(w);
  p->milliseconds = io_now() - start;
  errno = e;
  return r;
}

void proof_free(struct proof *p)
{
  classes_free(&p->classes);
  genalloc_free(struct opening, &p->openings);
  genalloc_free(struct said, &p->said);
  stralloc_free(&p->text);
}
