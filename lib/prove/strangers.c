/* What is open to every stranger: `grant anyone`, `grant sender`, and whatever else decide() accepts; and suffixes that
 * are nobody's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/match.h"
#include "prove/work.h"

/* A sender for whom a line `grant sender` holds. */
struct granted {
  struct record record;
  size_t sender;
  uint32_t cost;
};

static int by_line(void const *x, void const *y)
{
  struct granted const *a = x, *b = y;
  if (a->record.line != b->record.line) return a->record.line < b->record.line ? -1 : 1;
  return a->cost < b->cost ? -1 : a->cost > b->cost;
}

/* All such senders, the cheapest of each line first. */
static int gather(struct work *w, genalloc *all)
{
  struct address a;
  for (size_t i = 0; i < classes_addresses(w->c); i++) {
    struct granted g = { .sender = i, .cost = COST(w, i) };
    struct address_class const *k = classes_address(w->c, i);
    if (!k->sender || !(SENDER_TRAITS(w, i) & SENDER_GRANTED)) continue;
    if (match_sender(w->t, classes_example(w->c, k, &a), &g.record) < 0) return errno = EPROTO, -1;
    if (!genalloc_append(struct granted, all, &g)) return errno = ENOMEM, -1;
  }
  struct granted *s = genalloc_s(struct granted, all);
  if (s) qsort(s, genalloc_len(struct granted, all), sizeof *s, by_line);
  return 0;
}

/* Each line: the first of its senders, hosted or not, who gets through. */
static int open_senders(struct work *w, genalloc const *all, struct way const *stranger)
{
  struct granted const *g = genalloc_s(struct granted, all);
  size_t n = genalloc_len(struct granted, all);
  unsigned tried = 0; /* 1: one that is hosted, 2: one that isn't, 4: the line is open */
  for (size_t i = 0; i < n; i++) {
    struct opening o = { .kind = OPENING_SENDER, .record = g[i].record, .way = *stranger };
    if (i && g[i - 1].record.line != g[i].record.line) tried = 0;
    unsigned hosted = SENDER_TRAITS(w, g[i].sender) & SENDER_HOSTED ? 1 : 2;
    if (tried & (hosted | 4)) continue;
    tried |= hosted;
    int relayed = work_sender(w, &o.way, g[i].sender);
    if (relayed < 0 || (relayed && work_open(w, &o) < 0)) return -1;
    if (relayed) tried |= 4;
  }
  return 0;
}

/* Each class once more by itself, so that the proof does not rest on the traits alone: every recipient with a sender of
 * each group, every sender with a recipient that only a grant lets in. Returns 1 with the way that relays, 0, -1. */
static int each(struct work *w, struct way *way)
{
  size_t other = CLASSES_NONE;
  way->tls = 1;
  for (size_t i = 0; i < TRAITS && other == CLASSES_NONE; i++)
    if (RELAYED(i)) other = w->recipient[i];
  for (size_t i = 0; i < classes_addresses(w->c); i++) {
    for (size_t s = 0; classes_address(w->c, i)->recipient && s < TRAITS; s++) {
      if (w->sender[s] == CLASSES_NONE) continue;
      way->sender = w->sender[s];
      way->recipient = i;
      int relayed = work_ask(w, way, 0);
      if (relayed) return relayed;
    }
    if (!classes_address(w->c, i)->sender || other == CLASSES_NONE) continue;
    way->sender = i;
    way->recipient = other;
    int relayed = work_ask(w, way, 0);
    if (relayed) return relayed;
  }
  return 0;
}

int open_strangers(struct work *w)
{
  struct opening o = { .kind = OPENING_ANYONE };
  struct decision d;
  genalloc all = GENALLOC_ZERO;
  if (w->stranger == CLASSES_NONE) return 0;
  struct way stranger = { .client = classes_client(w->c, w->stranger)->example };
  o.way = stranger;
  int anyone = work_line(w, "grant anyone", &o.record);
  if (anyone < 0) return -1;
  int relayed = work_pairs(w, &o.way, 0), some = relayed;
  if (!relayed) relayed = each(w, &o.way);
  else if (!anyone) relayed = work_pairs(w, &o.way, SENDER_GRANTED);
  if (some < 0) return -1;
  if (relayed > 0 && !anyone) {
    relayed = work_ask(w, &o.way, &d);
    o.kind = OPENING_OTHER;
    o.record = d.record;
  }
  if (relayed < 0 || (relayed && work_open(w, &o) < 0)) return -1;
  int r = gather(w, &all);
  if (r == 0) r = open_senders(w, &all, &stranger);
  int e = errno;
  genalloc_free(struct granted, &all);
  errno = e;
  return r;
}

int label_is_public(char const *label)
{
  static char const *const special[] = { /* RFC 6761, 6762 (with its appendix G), 7686, 9476; ICANN's .internal */
    "alt", "corp", "example", "home", "intern", "internal", "intranet", "invalid", "lan", "local", "localdomain",
    "localhost", "localnet", "onion", "private", "test",
  };
  static char const *const second[] = { /* where registries give out names one level below (the Public Suffix List) */
    "ac.uk", "co.id", "co.il", "co.in", "co.jp", "co.kr", "co.nz", "co.th", "co.uk", "co.za", "com.ar", "com.au",
    "com.br", "com.cn", "com.co", "com.hk", "com.mx", "com.my", "com.ph", "com.pl", "com.sg", "com.tr", "com.tw",
    "com.ua", "com.vn", "gov.uk", "ne.jp", "net.au", "net.br", "net.cn", "or.jp", "org.au", "org.br", "org.uk",
  };
  for (size_t i = 0; i < sizeof second / sizeof *second; i++)
    if (!strcmp(label, second[i])) return 1;
  if (strchr(label, '.')) return 0;
  for (size_t i = 0; i < sizeof special / sizeof *special; i++)
    if (!strcmp(label, special[i])) return 0;
  return 1;
}

/* Does the stranger get a recipient accepted as hosted or granted? Returns 1, 0, -1 with errno. */
static int accepted(struct work *w, struct way *way, enum opening_kind kind)
{
  struct way best = { .cost = (size_t)-1 };
  struct decision d;
  for (unsigned tls = 0; tls < 2; tls++) {
    for (size_t s = 0; s < TRAITS; s++) {
      if (w->sender[s] == CLASSES_NONE) continue;
      way->tls = tls;
      way->sender = w->sender[s];
      way->asked = 0;
      if (work_ask(w, way, &d) < 0) return -1;
      if (d.verdict == VERDICT_ASK_MAILBOX) {
        way->asked = 1;
        if (work_ask(w, way, &d) < 0) return -1;
      }
      work_cost(w, way);
      if (d.verdict != VERDICT_ACCEPT || reason_incoming(d.reason) != (kind == OPENING_HOSTED)) continue;
      if (way->cost < best.cost) best = *way;
    }
  }
  if (best.cost == (size_t)-1) return 0;
  *way = best;
  return 1;
}

/* A suffix of one label: what is not named below it more closely, and postmaster there. */
static int open_suffix(struct work *w, size_t suffix, enum opening_kind kind)
{
  char key[sizeof "grant to " + DOMAIN_TEXT + 1] = "grant to ";
  struct opening o = { .kind = kind, .way.recipient = suffix };
  o.way.client = classes_client(w->c, w->stranger)->example;
  char const *s = classes_text(w->c, classes_address(w->c, suffix)->key);
  strcat(key, s);
  int found = kind == OPENING_HOSTED ? table_find(w->t, TABLE_DOMAINS, s, strlen(s), &o.record) :
    table_find(w->t, TABLE_RELAY, key, strlen(key), &o.record);
  if (found < 0) return errno = EPROTO, -1;
  int open = found ? accepted(w, &o.way, kind) : 0;
  for (size_t i = suffix; found && !open && i < classes_addresses(w->c); i++) {
    if (classes_address(w->c, i)->form != FORM_POSTMASTER || classes_address(w->c, i)->wider != suffix) continue;
    o.way.recipient = i;
    open = accepted(w, &o.way, kind);
  }
  return open > 0 ? work_open(w, &o) : open;
}

/* A top-level domain may be ours alone: a line of `relay` says so. */
static int is_owned(struct work *w, char const *suffix)
{
  char key[sizeof "own " + DOMAIN_TEXT + 1] = "own ";
  struct record r;
  int found = work_line(w, strcat(key, suffix), &r);
  w->p->owned |= found > 0;
  return found;
}

int open_suffixes(struct work *w)
{
  if (w->stranger == CLASSES_NONE) return 0;
  for (size_t i = 0; i < classes_addresses(w->c); i++) {
    struct address_class const *k = classes_address(w->c, i);
    if (k->form != FORM_SUFFIX || !label_is_public(classes_text(w->c, k->key) + 1)) continue;
    int owned = is_owned(w, classes_text(w->c, k->key));
    if (owned < 0) return -1;
    if (owned) continue;
    if ((k->named & NAMED_DOMAINS) && open_suffix(w, i, OPENING_HOSTED) < 0) return -1;
    if ((k->named & NAMED_TO) && open_suffix(w, i, OPENING_GRANTED) < 0) return -1;
  }
  return 0;
}
