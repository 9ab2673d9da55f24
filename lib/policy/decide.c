/* The relay decision. Each step looks at one thing: 1: it has decided; 0: the next one is asked; -1: corrupt tables. */
#include <string.h>
#include <strings.h>
#include "policy/decide.h"

static int settle(struct decision *d, enum verdict v, enum reason r)
{
  d->verdict = v;
  d->reason = r;
  return 1;
}

int decide_hosted(struct table_set const *t, char const *domain, struct record *r)
{
  char const *key = domain;
  while (*key) {
    int found = table_find(t, TABLE_DOMAINS, key, strlen(key), r);
    if (found) return found;
    key = domain_wider(key);
  }
  return 0;
}

static int find_origin(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct record r;
  if (!f->sender || !f->sender->len) return 0;
  int hosted = decide_hosted(t, f->sender->domain, &r);
  if (hosted <= 0) return hosted;
  d->origin = f->trusted || f->login || f->stamp ? ORIGIN_LOCAL : ORIGIN_CLAIMED;
  return 0;
}

static int step_onward(struct decision *d, struct table_set const *t, struct facts const *f)
{
  (void)t;
  return f->recipient->onward ? settle(d, VERDICT_REFUSE, REASON_ONWARD) : 0;
}

static int step_hosted(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct address const *a = f->recipient;
  int hosted;
  if (a->domain[0]) hosted = decide_hosted(t, a->domain, &d->record);
  else if (a->len == 10 && a->local_len == 10 && !strncasecmp(a->text, "postmaster", 10))
    hosted = table_find(t, TABLE_ME, "", 0, &d->record) == 1 ? 1 : -1;
  else hosted = 0;
  return hosted > 0 ? settle(d, VERDICT_ACCEPT, REASON_HOSTED) : hosted;
}

/* Takes the grant if the rules have it and none with a lower line was found before. */
static int take_grant(struct decision *d, struct table_set const *t, char const *grant, enum reason reason)
{
  struct record r;
  int found = table_find(t, TABLE_RELAY, grant, strlen(grant), &r);
  if (found <= 0) return found;
  if (d->verdict == VERDICT_ACCEPT && d->record.line <= r.line) return 1;
  d->record = r;
  return settle(d, VERDICT_ACCEPT, reason);
}

static int step_grants(struct decision *d, struct table_set const *t, struct facts const *f)
{
  int by_client = 0, by_login = 0;
  if (f->trusted) by_client = take_grant(d, t, "grant clients", REASON_CLIENT);
  if (by_client < 0) return -1;
  if (f->login && f->login_may_relay) by_login = take_grant(d, t, "grant login", REASON_LOGIN);
  return by_login < 0 ? -1 : by_client || by_login;
}

static int step_refuse(struct decision *d, struct table_set const *t, struct facts const *f)
{
  struct record r;
  if (f->login && !f->login_may_relay) {
    int found = table_find(t, TABLE_RELAY, "grant login", 11, &r);
    if (found < 0) return -1;
    if (found) return settle(d, VERDICT_REFUSE, REASON_NO_PRIVILEGE);
  }
  return settle(d, VERDICT_REFUSE, f->recipient->literal ? REASON_LITERAL : REASON_NOT_GRANTED);
}

void decide(struct decision *d, struct table_set const *t, struct facts const *f)
{
  static int (*const steps[])(struct decision *, struct table_set const *, struct facts const *) = {
    find_origin, step_onward, step_hosted, step_grants, step_refuse
  };
  static struct decision const none = { VERDICT_TEMPFAIL, REASON_TABLES, ORIGIN_EXTERNAL, { "", 0, "", 0 } };
  int decided = t ? 0 : -1;
  *d = none;
  for (size_t i = 0; !decided && i < sizeof steps / sizeof *steps; i++) decided = steps[i](d, t, f);
  if (decided < 0) *d = none;
  else if (d->verdict == VERDICT_REFUSE) d->record = none.record;
}

char const *reason_word(enum reason r)
{
  static char const *const words[] = {
#define X(name, word) word,
    REASONS(X)
#undef X
  };
  return r < REASON_COUNT ? words[r] : "";
}

char const *origin_word(enum origin o)
{
  static char const *const words[] = { "local", "claimed", "external" };
  return o <= ORIGIN_EXTERNAL ? words[o] : "";
}
