/* The line `grant pop`. */
#include <string.h>
#include <strings.h>
#include "parse/number.h"
#include "policy/match.h"
#include "policy/pop.h"
#include "policy/senders.h"

#define LISTENER "on="
#define USER_MOST 256 /* bytes of the longest name that TABLE_SENDERS could have */

/* Is the next word this one? Then it is passed. */
static int take(char const **s, char const *end, char const *word)
{
  if (*s == end || strcmp(*s, word)) return 0;
  *s += strlen(word) + 1;
  return 1;
}

int pop_find(struct pop_grant *g, struct table_set const *t)
{
  uint64_t seconds;
  int found = match_line(t, "grant pop", &g->record);
  if (found <= 0) return found;
  char const *s = g->record.data, *end = s + g->record.len;
  if (s == end || end[-1]) return -1;
  if (number_scan(s, strlen(s), POP_SECONDS_MOST, &seconds) != NUMBER_OK || !seconds) return -1;
  g->seconds = (uint32_t)seconds;
  s += strlen(s) + 1;
  g->network = take(&s, end, "/64");
  g->listeners = s;
  while (s < end && !strncmp(s, LISTENER, sizeof LISTENER - 1)) s += strlen(s) + 1;
  g->listeners_len = (size_t)(s - g->listeners);
  g->bound = take(&s, end, "bound");
  return s == end ? 1 : -1;
}

char const *pop_listener(struct pop_grant const *g, size_t *at)
{
  if (*at >= g->listeners_len) return 0;
  char const *s = g->listeners + *at;
  *at += strlen(s) + 1;
  return s + sizeof LISTENER - 1;
}

int pop_listens(struct pop_grant const *g, char const *listener)
{
  size_t at = 0;
  for (char const *name; (name = pop_listener(g, &at)); )
    if (!strcasecmp(name, listener ? listener : "")) return 1;
  return !g->listeners_len;
}

int pop_may_send(struct pop_grant const *g, struct table_set const *t, char const *user, struct address const *sender)
{
  struct record r;
  char name[USER_MOST];
  size_t n = strlen(user);
  if (!g->bound) return 1;
  if (!n || n > sizeof name) return 0;
  for (size_t i = 0; i < n; i++) name[i] = (char)(user[i] >= 'A' && user[i] <= 'Z' ? user[i] + 32 : user[i]);
  int found = table_look(t, TABLE_SENDERS, name, n, &r);
  if (found <= 0 || !r.len) return found;
  if (r.data[r.len - 1]) return -1;
  return sender && sender->len && senders_allow(r.data, r.len, sender);
}

int pop_holds(struct pop_grant const *g, struct table_set const *t, char const *listener, char const *user,
              struct address const *sender)
{
  return pop_listens(g, listener) ? pop_may_send(g, t, user, sender) : 0;
}
