/* Reading the server through: SCAN gives names of keys, GETRANGE what lies there. Not MGET: whoever can write to the
 * server could put values of any size there. */
#include <string.h>
#include "share/work.h"

#define COUNT "200"         /* keys at once */
#define RANGE_END "640"     /* of GETRANGE, inclusive: one byte more than the largest entry */
_Static_assert(ENTRY_MAX == 640, "RANGE_END");

static void scan(struct share *x)
{
  char pattern[WHERE_PREFIX + 2];
  strcpy(stpcpy(pattern, x->o->prefix), "*");
  struct wire_word const words[] = {
    { "SCAN", 4 }, { x->catch_up.cursor, strlen(x->catch_up.cursor) }, { "MATCH", 5 }, { pattern, strlen(pattern) },
    { "COUNT", 5 }, { COUNT, sizeof COUNT - 1 }
  };
  if (wire_send(&x->command, DUE_SCAN, words, 6) < 0) link_fail(x, TROUBLE_LOST, x->command.why);
}

void catch_up_begin(struct share *x)
{
  x->catch_up.on = 1;
  x->catch_up.open = 0;
  strcpy(x->catch_up.cursor, "0");
  scan(x);
}

/* When nothing of this step is open: the next one. */
static void go_on(struct share *x)
{
  if (!x->catch_up.on || x->catch_up.open) return;
  if (strcmp(x->catch_up.cursor, "0")) return scan(x);
  x->catch_up.on = 0;
}

/* Asks for one. Returns 0, or -1: the connection is lost. */
static int ask(struct share *x, redisReply const *key)
{
  size_t n = strlen(x->o->prefix);
  if (key->type != REDIS_REPLY_STRING || key->len < n || !entry_is_name(key->str + n, key->len - n))
    return news_drop(x, ENTRY_NONE, 0), 0;
  struct wire_word const words[] = {
    { "GETRANGE", 8 }, { key->str, key->len }, { "0", 1 }, { RANGE_END, sizeof RANGE_END - 1 }
  };
  if (wire_send(&x->command, DUE_ENTRY, words, 4) < 0) return link_fail(x, TROUBLE_LOST, x->command.why), -1;
  x->catch_up.open++;
  return 0;
}

void catch_up_keys(struct share *x, redisReply const *r)
{
  if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[0]->type != REDIS_REPLY_STRING
    || r->element[0]->len >= sizeof x->catch_up.cursor || r->element[1]->type != REDIS_REPLY_ARRAY)
    return link_fail(x, TROUBLE_LOST, "an answer to SCAN that is none");
  memcpy(x->catch_up.cursor, r->element[0]->str, r->element[0]->len + 1);
  for (size_t i = 0; i < r->element[1]->elements; i++)
    if (ask(x, r->element[1]->element[i]) < 0) return;
  go_on(x);
}

/* An empty one has gone meanwhile; an error means that there is something else than a string. */
void catch_up_entry(struct share *x, redisReply const *r)
{
  x->catch_up.open--;
  if (r->type == REDIS_REPLY_STRING && r->len) news_take(x, r->str, r->len);
  else if (r->type == REDIS_REPLY_ERROR) news_drop(x, ENTRY_NONE, 0);
  go_on(x);
}
