/* Goes through all lines of the rules and says of those that have to do with the facts how they stand. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "explain/parts.h"
#include "explain/stand.h"

/* Adds a line, or counts it when there are many like it already. */
static void add(struct survey *s, enum table which, struct piece key, struct record const *r, enum other other,
                struct stand stand)
{
  struct explanation *x = s->x;
  unsigned *many = &s->shown[which & 31][stand.standing];
  if (stand.standing != STANDING_DECIDES && ++*many > EXPLAIN_LINES) {
    if (other < OTHER_COUNT) x->others[other]++;
    return;
  }
  struct explained e = { .which = which, .line = r->line, .standing = stand.standing };
  e.text = keep_rule(x, which, key, r);
  e.why = stand.line ? keep(x, stand.why, stand.file, (unsigned)stand.line) : keep(x, "%s", stand.why);
  if (!x->broken && !genalloc_append(struct explained, &x->lines, &e)) x->broken = ENOMEM;
}

/* `clients`, in the order in which the gate asks. */
static int add_client(void *arg, char const *key, size_t len, struct record const *r)
{
  struct survey *s = arg;
  struct stand stand = { STANDING_LOST, "asked later than %s:%u", s->x->outcome.gate.file, s->x->outcome.gate.line };
  if (!s->clients++) {
    int deny = r->len && *r->data == 'D';
    stand = (struct stand){ STANDING_HOLDS, "the client's line: lets it in, as a stranger", 0, 0 };
    if (deny) stand = (struct stand){ STANDING_DECIDES, "the client's line: denies it", 0, 0 };
    else if (s->q->facts.trusted_by.line) stand.why = "the client's line: trusts it";
  }
  add(s, TABLE_CLIENTS, (struct piece){ key, len }, r, OTHER_COUNT, stand);
  return s->x->broken != 0;
}

static void count_client(struct survey *s)
{
  s->x->others[OTHER_CLIENTS]++;
}

static void one(struct survey *s, enum table which, struct piece key, struct record const *r)
{
  struct stand stand;
  enum other other = OTHER_COUNT;
  int fits = 0;
  switch (which) {
    case TABLE_ME: fits = stand_me(s, r, &stand); break;
    case TABLE_CLIENTS: count_client(s); return;
    case TABLE_DOMAINS: other = OTHER_DOMAINS; fits = stand_domain(s, key, r, &stand); break;
    case TABLE_RECIPIENTS: other = OTHER_RECIPIENTS; fits = stand_mailbox(s, key, r, &stand); break;
    case TABLE_ALIASES: other = OTHER_ALIASES; fits = stand_mailbox(s, key, r, &stand); break;
    case TABLE_SENDERS: fits = stand_senders(s, key, r, &stand); break;
    case TABLE_RELAY: fits = stand_relay(s, key, r, &other, &stand); break;
    case TABLE_ROUTES:
    case TABLE_LIMITS:
    case TABLE_USERS:
    case TABLE_LOGINS: return;
  }
  if (fits) add(s, which, key, r, other, stand);
  else if (other < OTHER_COUNT) s->x->others[other]++;
}

/* The files' order; of one, the lines'. */
static int rank(enum table which)
{
  static char const order[] = {
#define X(name, letter, file) letter,
    TABLES(X)
#undef X
  };
  int i = 0;
  while (i < (int)sizeof order && order[i] != (char)which) i++;
  return i;
}

static int compare(void const *a, void const *b)
{
  struct explained const *x = a, *y = b;
  if ((x->standing == STANDING_DECIDES) != (y->standing == STANDING_DECIDES))
    return x->standing == STANDING_DECIDES ? -1 : 1;
  if (x->which != y->which) return rank(x->which) - rank(y->which);
  return x->line < y->line ? -1 : x->line > y->line;
}

void survey(struct explanation *x, struct question const *q, struct table_set const *t)
{
  struct survey s = { .x = x, .q = q, .t = t, .step = outcome_step(&x->outcome) };
  struct record r;
  struct piece key;
  enum table which;
  uint32_t pos = 0;
  int more = 0;
  if (!t) return;
  target_set(&s.recipient, s.step > STEP_SYNTAX ? q->facts.recipient : 0);
  target_set(&s.sender, s.step > STEP_SYNTAX ? &q->sender : 0);
  if (gate_each(t, &q->facts.client, q->host, q->info, &add_client, &s) < 0) return;
  while (!x->broken && (more = table_next(t, &pos, &which, &key.s, &key.n, &r)) > 0)
    if (r.line) one(&s, which, key, &r);
  if (x->others[OTHER_CLIENTS] >= s.clients) x->others[OTHER_CLIENTS] -= s.clients;
  struct explained *lines = genalloc_s(struct explained, &x->lines);
  size_t n = genalloc_len(struct explained, &x->lines);
  if (n) qsort(lines, n, sizeof *lines, &compare);
}
