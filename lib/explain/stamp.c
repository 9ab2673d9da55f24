/* POP stamps: why one does not count, and whose would. */
#include <string.h>
#include "explain/stand.h"
#include "parse/number.h"
#include "policy/pop.h"

int piece_is_user(struct piece key, char const *user)
{
  size_t i = 0;
  if (!user || strlen(user) != key.n) return 0;
  while (i < key.n && key.s[i] == (user[i] >= 'A' && user[i] <= 'Z' ? user[i] + 32 : user[i])) i++;
  return key.n && i == key.n;
}

/* The user's record in TABLE_SENDERS. Returns 1, or 0. */
static int find_user(struct table_set const *t, char const *user, struct record *r)
{
  struct piece key;
  enum table which;
  uint32_t pos = 0;
  while (table_next(t, &pos, &which, &key.s, &key.n, r) > 0)
    if (which == TABLE_SENDERS && piece_is_user(key, user)) return 1;
  return 0;
}

void stand_pop(struct survey const *s, struct stand *out)
{
  struct facts const *f = &s->q->facts;
  struct pop_grant g;
  struct record r;
  *out = (struct stand){ STANDING_FAILS, 0, 0, 0 };
  if (pop_find(&g, s->t) <= 0) return;
  if (!f->stamp && !f->stamp_unknown) {
    out->why = "the client has no fresh POP stamp";
  } else if (!pop_listens(&g, f->listener)) {
    out->why = *f->listener ? "POP stamps do not count on this listener" :
      "POP stamps do not count on the plain listener";
  } else if (!f->stamp) {
    out->why = "whether the client has a fresh POP stamp is not known: the stamps could not be read";
  } else if (g.bound && pop_may_send(&g, s->t, f->stamp, f->sender) <= 0) {
    if (!*f->stamp) out->why = "the POP stamp names no user, so nobody knows which senders it is for";
    else if (!find_user(s->t, f->stamp, &r)) out->why = "`users` has no user of the POP stamp's name who may relay";
    else *out = (struct stand){ STANDING_FAILS, "the sender is none of those that the POP stamp's user may use (%s:%u)",
      r.file, r.line };
  }
}

int stand_senders(struct survey *s, struct piece key, struct record const *r, struct stand *out)
{
  struct facts const *f = &s->q->facts;
  struct pop_grant g;
  if (s->step < STEP_GRANTS || !piece_is_user(key, f->stamp) || pop_find(&g, s->t) <= 0) return 0;
  (void)r;
  int may = pop_may_send(&g, s->t, f->stamp, f->sender) > 0;
  *out = (struct stand){ may ? STANDING_HOLDS : STANDING_FAILS, may ?
    "the POP stamp's user may use this sender" : "the POP stamp's user may not use this sender", 0, 0 };
  return 1;
}

size_t stamp_user(struct table_set const *t, struct address const *sender, char out[STAMP_NAME])
{
  struct pop_grant g;
  struct record r;
  struct piece key;
  enum table which;
  uint32_t pos = 0;
  strcpy(out, "somebody");
  if (pop_find(&g, t) <= 0) return 0;
  if (!g.bound) return strlen(out);
  while (table_next(t, &pos, &which, &key.s, &key.n, &r) > 0) {
    char name[STAMP_NAME];
    if (which != TABLE_SENDERS || key.n >= STAMP_NAME) continue;
    memcpy(name, key.s, key.n);
    name[key.n] = 0;
    if (pop_may_send(&g, t, name, sender) <= 0) continue;
    strcpy(out, name);
    return key.n;
  }
  return 0;
}

char const *stamp_listener(struct table_set const *t, char const *listener)
{
  struct pop_grant g;
  size_t at = 0;
  char const *name;
  if (pop_find(&g, t) <= 0 || pop_listens(&g, listener)) return listener;
  while ((name = pop_listener(&g, &at)))
    if (!listener_is_submission(name)) return name;
  return listener;
}

int stamp_sender(struct table_set const *t, char const *user, struct address *a)
{
  char text[LIMIT_ADDRESS + 8] = "a@";
  struct pop_grant g;
  struct record r;
  if (pop_find(&g, t) <= 0 || !g.bound || !find_user(t, user, &r) || !r.len) return 0;
  size_t n = strnlen(r.data, r.len);
  char const *s = r.data;
  if (n > LIMIT_ADDRESS) return 0;
  if (*s != '@') return address_mailbox(a, s, n, 1) == ADDRESS_OK;
  if (s[1] == '.') strcpy(text, "a@a");
  size_t at = strlen(text);
  memcpy(text + at, s + 1, n - 1);
  return address_mailbox(a, text, at + n - 1, 1) == ADDRESS_OK;
}

int stamp_line(stralloc *out, struct pop_grant const *g, enum stamp_listeners which, char const *listener, int bound)
{
  char text[NUMBER_TEXT];
  size_t at = 0;
  int first = 1, ok = stralloc_cats(out, "grant pop ") && stralloc_catb(out, text, number_fmt(text, g->seconds)) &&
    (!g->network || stralloc_cats(out, " /64"));
  for (char const *s; ok && which != STAMP_EVERYWHERE && (s = pop_listener(g, &at)); first = 0)
    ok = stralloc_cats(out, first ? " on " : ",") && stralloc_cats(out, *s ? s : "-");
  if (ok && !first && which == STAMP_HERE_TOO)
    ok = stralloc_cats(out, ",") && stralloc_cats(out, *listener ? listener : "-");
  return ok && (!bound || stralloc_cats(out, " bound"));
}
